// Writes what is made of the table of options when open-do is built, to stdout: `man`, the manual
// page, or `bash`, the completion.

#include <stdio.h>
#include <string.h>

#include "link/options_inner.h"

int main(int argc, char **argv)
{
    const char *what = argc == 2 ? argv[1] : "";
    if (strcmp(what, "man") == 0)
        od_options_put_man(stdout);
    else if (strcmp(what, "bash") == 0)
        od_options_put_bash(stdout);
    else
        return 2;
    return fflush(stdout) == 0 ? 0 : 1;
}
