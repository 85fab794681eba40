/*
 * What proscribe-compiler does once it is in its sandbox: takes one order (wire.h), compiles,
 * answers.
 */
#pragma once

/* 0 when it has answered on @socket; a negative errno when the other side is gone or broke the
 * rules, and the process is to end. Keeps its memory and descriptors: the process ends anyway. */
int serve(int socket);
