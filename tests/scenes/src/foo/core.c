foo/core.c
