#!/usr/bin/env node
// (c) X
/* Y */
import {a} from "b";
a()
