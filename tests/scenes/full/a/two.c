a/two.c
