"use strict";
var __create = Object.create;
