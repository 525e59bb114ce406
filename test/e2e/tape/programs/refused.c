/* States that are not on tapes, each by its name as the argument. Nothing of them may go on as if it were there. */
#include "program.h"
#include <arpa/inet.h>
#include <linux/aio_abi.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/io_uring.h>
#include <linux/netlink.h>
#include <linux/perf_event.h>
#include <linux/seccomp.h>
#include <mqueue.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <grp.h>

static void children(void)
{
	if (!fork())
		for (;;)
			pause();
}

static void zombie(void)
{
	siginfo_t info;

	if (!fork())
		_exit(0);
	waitid(P_ALL, 0, &info, WEXITED | WNOWAIT);
}

static void shared_memory(void)
{
	NEED(shmat(shmget(IPC_PRIVATE, 4096, 0600), NULL, 0) != (void *)-1);
}

static void unattached_memory(void)
{
	NEED(shmget(IPC_PRIVATE, 4096, 0600) >= 0);
}

static void semaphores(void)
{
	NEED(semget(IPC_PRIVATE, 3, 0600) >= 0);
}

static void messages(void)
{
	NEED(msgget(IPC_PRIVATE, 0600) >= 0);
}

static void aio(void)
{
	aio_context_t context = 0;

	NEED(!syscall(SYS_io_setup, 10, &context));
}

static void io_uring(void)
{
	struct io_uring_params parameters = {0};

	NEED(syscall(SYS_io_uring_setup, 4, &parameters) >= 0);
}

static void terminal(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY);

	NEED(master >= 0 && !grantpt(master) && !unlockpt(master) && open(ptsname(master), O_RDWR | O_NOCTTY) >= 0);
}

static void packets(void)
{
	NEED(socket(AF_PACKET, SOCK_RAW, htons(3)) >= 0);
}

static void netlink(void)
{
	NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE) >= 0);
}

static void raw_socket(void)
{
	NEED(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) >= 0);
}

static void fanotify(void)
{
	NEED(fanotify_init(FAN_CLASS_NOTIF, O_RDONLY) >= 0);
}

static void userfault(void)
{
	NEED(syscall(SYS_userfaultfd, O_CLOEXEC) >= 0);
}

static void perf(void)
{
	struct perf_event_attr attributes = {.type = PERF_TYPE_SOFTWARE, .size = sizeof(attributes), .config = PERF_COUNT_SW_TASK_CLOCK};

	NEED(syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0) >= 0);
}

static void bpf(void)
{
	union bpf_attr attributes = {.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 4};

	NEED(syscall(SYS_bpf, BPF_MAP_CREATE, &attributes, sizeof(attributes)) >= 0);
}

static void filter(void)
{
	struct sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	struct sock_fprog program = {1, code};

	NEED(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) && !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0));
}

static void changed_root(void)
{
	mkdir("/tmp/root", 0755);
	mkdir("/tmp/root/app", 0755);
	NEED(!chroot("/tmp/root"));
}

static void own_names(void)
{
	NEED(!unshare(CLONE_NEWUTS));
	NEED(!sethostname("other", 5));
}

static void own_mounts(void)
{
	NEED(!unshare(CLONE_NEWNS));
}

static void traced(void)
{
	pid_t child = fork();

	if (!child) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

static void other_personality(void)
{
	NEED(personality(ADDR_NO_RANDOMIZE) >= 0);
}

static void real_time(void)
{
	struct sched_param parameters = {.sched_priority = 1};

	NEED(!sched_setscheduler(0, SCHED_FIFO, &parameters));
}

static void batch(void)
{
	struct sched_param parameters = {0};

	NEED(!sched_setscheduler(0, SCHED_BATCH, &parameters));
}

static void raised(void)
{
	NEED(!setpriority(PRIO_PROCESS, 0, -5));
}

static void other_user(void)
{
	NEED(!setgid(1000) && !setuid(1000));
	NEED(!prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

static void other_groups(void)
{
	NEED(!setgroups(2, (gid_t[]){4, 27}));
}

static void oom(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY);

	NEED(write(fd, "400", 3) == 3);
	close(fd);
}

static void slack(void)
{
	NEED(!prctl(PR_SET_TIMERSLACK, 1000000, 0, 0, 0));
}

static void owner(void)
{
	int ends[2];

	NEED(!pipe(ends) && !fcntl(ends[0], F_SETOWN, getpid()));
}

static void signal_driven(void)
{
	int pair[2];

	NEED(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair) && !fcntl(pair[0], F_SETFL, O_ASYNC));
}

static void lease(void)
{
	int fd = open("/tmp/leased", O_RDONLY | O_CREAT, 0600);

	NEED(!fcntl(fd, F_SETLEASE, F_RDLCK));
}

static void large_counter(void)
{
	uint64_t value = 1ull << 40;

	NEED(write(eventfd(0, 0), &value, 8) == 8);
}

static void alarm_clock(void)
{
	NEED(timerfd_create(CLOCK_REALTIME_ALARM, 0) >= 0);
}

static void cancelled_timer(void)
{
	struct itimerspec time = {.it_value = {4000000000, 0}};

	NEED(!timerfd_settime(timerfd_create(CLOCK_REALTIME, 0), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &time, NULL));
}

static void fired_once(void)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT};
	int set = epoll_create1(0), fd = eventfd(1, 0);

	NEED(!epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) && epoll_wait(set, &event, 1, 0) == 1);
}

static void removed_fifo(void)
{
	NEED(!mkfifo("/tmp/fifo", 0600) && open("/tmp/fifo", O_RDWR) >= 0 && !unlink("/tmp/fifo"));
}

static void packets_in_a_pipe(void)
{
	int ends[2];

	NEED(!pipe2(ends, O_DIRECT) && write(ends[1], "a", 1) == 1);
}

static void shared_end(void)
{
	int ends[2];
	char path[64];

	NEED(!pipe(ends));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[1]);
	NEED(open(path, O_WRONLY) >= 0);
}

static void multicast(void)
{
	struct ip_mreq group = {.imr_multiaddr.s_addr = inet_addr("239.1.2.3"), .imr_interface.s_addr = htonl(INADDR_LOOPBACK)};

	NEED(!setsockopt(socket(AF_INET, SOCK_DGRAM, 0), IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)));
}

static void shared_for_a_time(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(8001)};
	int yes = 1, no = 0, fds[2];

	for (int i = 0; i < 2; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM, 0);
		NEED(!setsockopt(fds[i], SOL_SOCKET, SO_REUSEPORT, &yes, sizeof(yes)));
		NEED(!bind(fds[i], (struct sockaddr *)&address, sizeof(address)) && !listen(fds[i], 5));
	}
	NEED(!setsockopt(fds[0], SOL_SOCKET, SO_REUSEPORT, &no, sizeof(no)));
}

static void packet_filter(void)
{
	struct sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, 0xffffffff)};
	struct sock_fprog program = {1, code};

	NEED(!setsockopt(socket(AF_INET, SOCK_DGRAM, 0), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)));
}

static void sealed(void)
{
	void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	NEED(!syscall(462, page, 4096, 0)); /* mseal */
}

static void locked_on_fault(void)
{
	void *page = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	NEED(!mlock2(page, 65536, MLOCK_ONFAULT));
}

static void deleted_directory(void)
{
	NEED(!mkdir("/tmp/gone", 0700) && open("/tmp/gone", O_RDONLY | O_DIRECTORY) >= 0 && !rmdir("/tmp/gone"));
}

static void deleted_cwd(void)
{
	NEED(!mkdir("/tmp/gone", 0700) && !chdir("/tmp/gone") && !rmdir("/tmp/gone"));
}

static void of_thread_clock(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_NONE};
	int id;

	NEED(!syscall(SYS_timer_create, CLOCK_THREAD_CPUTIME_ID, &event, &id));
}

static void pidfd(void)
{
	NEED(syscall(SYS_pidfd_open, getpid(), 0) >= 0);
}

static volatile bool apart;

static void *with_own_directory(void *unused)
{
	NEED(!unshare(CLONE_FS) && !chdir("/tmp"));
	apart = true;
	for (;;)
		pause();
	return unused;
}

static void *with_own_files(void *unused)
{
	NEED(!unshare(CLONE_FILES) && dup(0) >= 0);
	apart = true;
	for (;;)
		pause();
	return unused;
}

static void *with_own_names(void *unused)
{
	NEED(!unshare(CLONE_NEWUTS));
	apart = true;
	for (;;)
		pause();
	return unused;
}

static void begin(void *(*run)(void *))
{
	pthread_t thread;

	NEED(!pthread_create(&thread, NULL, run, NULL));
	while (!apart)
		pause_ms(1);
}

static void thread_directory(void)
{
	begin(with_own_directory);
}

static void thread_files(void)
{
	begin(with_own_files);
}

static void thread_names(void)
{
	begin(with_own_names);
}

static void queue(void)
{
	NEED(mq_open("/queue", O_RDWR | O_CREAT, 0600, NULL) >= 0);
}

static void protection_key(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int key = pkey_alloc(0, PKEY_DISABLE_WRITE);

	if (key < 0) {
		say("this CPU has no protection keys");
		say("ready");
		raise(SIGKILL);
	}
	NEED(!pkey_mprotect(page, 4096, PROT_READ | PROT_WRITE, key));
}

static void speculation(void)
{
	if (prctl(PR_SET_SPECULATION_CTRL, PR_SPEC_INDIRECT_BRANCH, PR_SPEC_DISABLE, 0, 0))
		NEED(!prctl(PR_SET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, PR_SPEC_DISABLE, 0, 0));
}

static void unread_events(void)
{
	int watch = inotify_init1(IN_NONBLOCK);

	NEED(inotify_add_watch(watch, "/tmp", IN_CREATE) == 1);
	mkdir("/tmp/new", 0700);
}

/* Sends itself a datagram, which nobody reads. */
static void unread_datagrams(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(8001)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	NEED(!bind(fd, (struct sockaddr *)&address, sizeof(address)));
	NEED(sendto(fd, "", 0, 0, (struct sockaddr *)&address, sizeof(address)) == 0);
}

static void unread_error(void)
{
	struct sockaddr_in nobody = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(8002)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	NEED(!connect(fd, (struct sockaddr *)&nobody, sizeof(nobody)) && send(fd, "x", 1, 0) == 1);
	pause_ms(20);
}

static void socket_option(void)
{
	int offset = 0, fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	NEED(!setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &offset, sizeof(offset)));
}

static void transparent(void)
{
	int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

	NEED(!setsockopt(fd, IPPROTO_IP, IP_TRANSPARENT, &on, sizeof(on)));
}

static void congestion(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	NEED(!setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4));
}

/* IOPRIO_WHO_PROCESS, IOPRIO_CLASS_IDLE */
static void io_priority(void)
{
	NEED(!syscall(SYS_ioprio_set, 1, 0, 3 << 13));
}

static void time_slice(void)
{
	struct attributes attributes = {.size = sizeof(attributes), .runtime = 20000000};

	NEED(!syscall(SYS_sched_setattr, 0, &attributes, 0));
}

static void locked_memory(void)
{
	struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};

	setrlimit(RLIMIT_MEMLOCK, &limit);
	NEED(!mlockall(MCL_FUTURE));
	NEED(mmap(NULL, 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
}

static void names_of_children(void)
{
	NEED(!unshare(CLONE_NEWPID));
}

static void time_of_children(void)
{
	NEED(!unshare(CLONE_NEWTIME));
}

static void mounted(void)
{
	mkdir("/tmp/mounted", 0700);
	NEED(!mount("tmpfs", "/tmp/mounted", "tmpfs", 0, NULL));
}

/* PR_SET_MEMORY_MERGE */
static void merging(void)
{
	NEED(!prctl(67, 1, 0, 0, 0));
}

/* PR_SET_MDWE */
static void no_new_code(void)
{
	NEED(!prctl(65, 1, 0, 0, 0));
}

static void broken_memory(void)
{
	NEED(!prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0));
}

/* KEYCTL_GET_KEYRING_ID of KEY_SPEC_PROCESS_KEYRING, which makes it. */
static void keyring(void)
{
	NEED(syscall(SYS_keyctl, 0, -2, 1) > 0);
}

static const struct {
	const char *name;
	void (*enter)(void);
} states[] = {
	{"children", children},
	{"zombie", zombie},
	{"shared-memory", shared_memory},
	{"unattached-memory", unattached_memory},
	{"semaphores", semaphores},
	{"messages", messages},
	{"aio", aio},
	{"io-uring", io_uring},
	{"terminal", terminal},
	{"packets", packets},
	{"netlink", netlink},
	{"raw-socket", raw_socket},
	{"fanotify", fanotify},
	{"userfault", userfault},
	{"perf", perf},
	{"bpf", bpf},
	{"filter", filter},
	{"changed-root", changed_root},
	{"own-names", own_names},
	{"own-mounts", own_mounts},
	{"traced", traced},
	{"personality", other_personality},
	{"real-time", real_time},
	{"batch", batch},
	{"raised", raised},
	{"other-user", other_user},
	{"other-groups", other_groups},
	{"oom", oom},
	{"slack", slack},
	{"owner", owner},
	{"signal-driven", signal_driven},
	{"lease", lease},
	{"large-counter", large_counter},
	{"alarm-clock", alarm_clock},
	{"cancelled-timer", cancelled_timer},
	{"fired-once", fired_once},
	{"removed-fifo", removed_fifo},
	{"packets-in-a-pipe", packets_in_a_pipe},
	{"shared-end", shared_end},
	{"multicast", multicast},
	{"shared-for-a-time", shared_for_a_time},
	{"packet-filter", packet_filter},
	{"sealed", sealed},
	{"locked-on-fault", locked_on_fault},
	{"deleted-directory", deleted_directory},
	{"deleted-cwd", deleted_cwd},
	{"thread-clock", of_thread_clock},
	{"pidfd", pidfd},
	{"thread-directory", thread_directory},
	{"thread-files", thread_files},
	{"thread-names", thread_names},
	{"queue", queue},
	{"protection-key", protection_key},
	{"speculation", speculation},
	{"unread-events", unread_events},
	{"unread-datagrams", unread_datagrams},
	{"unread-error", unread_error},
	{"socket-option", socket_option},
	{"transparent", transparent},
	{"congestion", congestion},
	{"io-priority", io_priority},
	{"time-slice", time_slice},
	{"locked-memory", locked_memory},
	{"names-of-children", names_of_children},
	{"time-of-children", time_of_children},
	{"mounted", mounted},
	{"merging", merging},
	{"no-new-code", no_new_code},
	{"broken-memory", broken_memory},
	{"keyring", keyring},
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(states) / sizeof(*states); i++)
		if (!strcmp(states[i].name, argv[1])) {
			states[i].enter();
			say("ready");
			for (;;)
				pause_ms(100);
		}
	return 2;
}
