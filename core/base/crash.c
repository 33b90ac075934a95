/* See crash.h. Its one difficulty: several workers pass the same point at once, and the file must
 * be taken by one of them. */
#include "base/crash.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_SIZE 128

static const char *const labels[] = {
#define CRASH(label, why) label,
#include "base/crash.def"
#undef CRASH
};

bool crash_is_known(const char *label)
{
    for (size_t i = 0; i < sizeof(labels) / sizeof(*labels); i++)
        if (strcmp(labels[i], label) == 0)
            return true;
    return false;
}

/* The file is ours alone until it is closed, unless another process has taken it meanwhile. */
static int open_alone(const char *path)
{
    struct stat seen;
    int fd = open(path, O_RDWR | O_CLOEXEC);

    if (fd < 0)
        return -1;
    if (flock(fd, LOCK_EX) == 0 && fstat(fd, &seen) == 0 && seen.st_nlink > 0)
        return fd;
    close(fd);
    return -1;
}

static void write_back(int fd, const char *label, int skip, const char *scope)
{
    char line[LINE_SIZE];
    int len = snprintf(line, sizeof(line), "%s %d %s\n", label, skip, scope);

    if (pwrite(fd, line, (size_t)len, 0) == len && ftruncate(fd, len) != 0)
        return;
}

enum crash_scope crash_at(const char *home, const char *label)
{
    char path[640], line[LINE_SIZE] = "", wanted[48] = "", scope[16] = "server";
    enum crash_scope found = CRASH_NONE;
    int skip = 0, fd;

    snprintf(path, sizeof(path), "%.600s/crash.at", home);
    fd = open_alone(path);
    if (fd < 0)
        return CRASH_NONE;
    if (pread(fd, line, sizeof(line) - 1, 0) > 0 &&
        sscanf(line, "%47s %d %15s", wanted, &skip, scope) >= 1 && strcmp(wanted, label) == 0) {
        if (skip > 0) {
            write_back(fd, wanted, skip - 1, scope);
        } else {
            unlink(path);
            found = strcmp(scope, "worker") == 0 ? CRASH_WORKER : CRASH_SERVER;
        }
    }
    close(fd);
    return found;
}
