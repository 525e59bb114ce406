/* Watches of files and directories. */
#include "program.h"
#include <sys/inotify.h>

static char room[4096] __attribute__((aligned(8)));

/* The next event; of number 0 where there is none. */
static struct inotify_event *next(int fd)
{
	memset(room, 0, sizeof(room));
	read(fd, room, sizeof(struct inotify_event) + 256);
	return (struct inotify_event *)room;
}

static void touch(const char *path)
{
	close(open(path, O_WRONLY | O_CREAT, 0600));
}

int main(void)
{
	int watch = inotify_init1(IN_NONBLOCK), other = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	struct inotify_event *event;

	mkdir("/tmp/watched", 0700);
	touch("/tmp/watched/file");
	NEED(inotify_add_watch(watch, "/tmp/watched", IN_CREATE | IN_DELETE | IN_ONLYDIR) == 1);
	NEED(inotify_add_watch(watch, "/tmp/watched/file", IN_MODIFY | IN_CLOSE_WRITE) == 2);
	NEED(inotify_add_watch(other, "/tmp/watched", IN_OPEN | IN_EXCL_UNLINK) == 1);
	checkpoint();
	CHECK(next(watch)->wd == 0 && next(other)->wd == 0, "an event of the restore");
	touch("/tmp/watched/other");
	event = next(watch);
	CHECK(event->wd == 1 && event->mask == IN_CREATE && !strcmp(event->name, "other"), "a watch of a directory: %d %x", event->wd, event->mask);
	touch("/tmp/watched/file");
	event = next(watch);
	CHECK(event->wd == 2 && event->mask == IN_CLOSE_WRITE, "a watch of a file: %d %x", event->wd, event->mask);
	CHECK(inotify_add_watch(watch, "/tmp", IN_CREATE) == 3, "another watch");
	return finish();
}
