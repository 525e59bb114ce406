/*
 * @probe: waits until a service answers, from inside its network namespace. It sleeps between attempts and makes one connection
 * an attempt, so that it costs next to nothing of what it measures.
 */
#include "clock.h"
#include "log.h"
#include "mem.h"
#include "net.h"
#include "verbs.h"

/* A server that accepted and then says nothing gets a new attempt. */
#define ANSWER_NS (5 * NS_PER_SECOND)
#define REQUEST_ROOM 4096
/* What follows a good status is read, so that the server sees an orderly end; not for ever. */
#define DRAIN_NS NS_PER_SECOND

struct probe {
	bool http;
	u16 port;
	struct address addresses[2];
	u32 address_count;
	const char *expected;
	u64 interval_ns;
	u64 deadline_ns; /* CLOCK_MONOTONIC */
	u64 attempts;
	u64 ready_ns; /* CLOCK_BOOTTIME; 0: not yet */
	u32 status;
	char request_room[REQUEST_ROOM];
	struct text request;
	char error_room[128];
	struct text error; /* of the last attempt */
};

static void attempt_failed(struct probe *probe, const char *what, int error)
{
	text_clear(&probe->error);
	text_add(&probe->error, what);
	if (error)
		text_add_errno(&probe->error, error);
}

/* "HTTP/1.1 200": the status, or 0. */
static u32 status_of(const char *line)
{
	u32 status = 0;

	if (!text_begins(line, "HTTP/1."))
		return 0;
	for (line += 7; *line && *line != ' '; line++)
		;
	for (int digit = 0; digit < 3; digit++) {
		line += *line != 0;
		if (*line < '0' || *line > '9')
			return 0;
		status = status * 10 + (u32)(*line - '0');
	}
	return status;
}

static void drain(int fd)
{
	u64 until = clock_ns(CLOCK_MONOTONIC) + DRAIN_NS;
	char bytes[4096];

	while (net_wait(fd, POLLIN, until) && sys_read(fd, bytes, sizeof(bytes)) > 0)
		;
}

static void ask(struct probe *probe, int fd, u64 until)
{
	char answer[64];
	usize size = 0;

	if (write_all(fd, probe->request.at, probe->request.size)) {
		attempt_failed(probe, "the connection was closed", 0);
		return;
	}
	/* "HTTP/1.1 200" has 12 bytes. */
	while (size < 12) {
		long got;

		if (!net_wait(fd, POLLIN, until)) {
			/* Cut short by the deadline of all: what an earlier attempt found says more. */
			if (until < probe->deadline_ns || !probe->error.size)
				attempt_failed(probe, "no answer came", 0);
			return;
		}
		got = sys_read(fd, answer + size, sizeof(answer) - 1 - size);
		if (got <= 0) {
			attempt_failed(probe, got ? "the answer broke off: " : "the connection was closed without an answer", (int)got);
			return;
		}
		size += (usize)got;
	}
	answer[size] = 0;
	probe->status = status_of(answer);
	if (probe->status && status_expected(probe->expected, probe->status)) {
		probe->ready_ns = clock_ns(CLOCK_BOOTTIME);
		drain(fd);
	} else if (probe->status) {
		attempt_failed(probe, "status ", 0);
		text_add_number(&probe->error, probe->status);
	} else {
		attempt_failed(probe, "the answer is not HTTP", 0);
	}
}

static void attempt(struct probe *probe)
{
	u64 until = clock_ns(CLOCK_MONOTONIC) + ANSWER_NS;
	int error = -ECONNREFUSED;
	int fd = -1;

	if (until > probe->deadline_ns)
		until = probe->deadline_ns;
	probe->attempts++;
	for (u32 i = 0; i < probe->address_count && fd < 0; i++) {
		fd = net_connect(&probe->addresses[i], probe->port, until);
		/* That there is no IPv6 says nothing of the service. */
		if (i == 0)
			error = fd;
	}
	if (fd < 0) {
		attempt_failed(probe, "no connection: ", error);
		return;
	}
	if (probe->http)
		ask(probe, fd, until);
	else
		probe->ready_ns = clock_ns(CLOCK_BOOTTIME);
	sys_close(fd);
}

static int tell(const struct probe *probe)
{
	char room[LINE_ROOM];
	struct text line = text_over(room, sizeof(room));

	if (probe->ready_ns) {
		text_add(&line, "{\"readyNs\":");
		text_add_number(&line, probe->ready_ns);
	} else {
		text_add(&line, "{\"error\":");
		text_add_json(&line, probe->error.at);
	}
	text_add(&line, ",\"attempts\":");
	text_add_number(&line, probe->attempts);
	if (probe->ready_ns) {
		text_add(&line, ",\"status\":");
		if (probe->http)
			text_add_number(&line, probe->status);
		else
			text_add(&line, "null");
	}
	text_add(&line, "}");
	log_line(1, &line);
	return probe->ready_ns ? 0 : 1;
}

static bool make_request(struct probe *probe, const char *path, const char *host)
{
	struct text *request = &probe->request;

	*request = text_over(probe->request_room, sizeof(probe->request_room));
	text_add(request, "GET ");
	text_add_printable(request, path, text_length(path));
	text_add(request, " HTTP/1.1\r\nHost: ");
	text_add(request, host);
	text_add(request, ":");
	text_add_number(request, probe->port);
	text_add(request, "\r\nUser-Agent: crac-build\r\nAccept: */*\r\nConnection: close\r\n\r\n");
	return !request->cut;
}

static int prepare(const struct init *init, struct probe *probe)
{
	enum { KIND, PORT, HOST, PATH, EXPECT, INTERVAL, DEADLINE, OPTIONS };
	struct option options[OPTIONS] = {
		[KIND] = {"--kind", true, NULL},	       [PORT] = {"--port", true, NULL},
		[HOST] = {"--host", false, NULL},	       [PATH] = {"--path", false, NULL},
		[EXPECT] = {"--expect", false, NULL},	       [INTERVAL] = {"--interval-us", true, NULL},
		[DEADLINE] = {"--deadline-ms", true, NULL},
	};
	const char *path;
	u64 number;

	if (!verb_options(init, options, OPTIONS, NULL))
		return EXIT_USAGE;
	probe->http = text_equal(options[KIND].value, "http");
	if (!probe->http && !text_equal(options[KIND].value, "tcp"))
		return usage("--kind is http or tcp", options[KIND].value);
	if (!parse_number(options[PORT].value, 65535, &number) || number == 0)
		return usage("no port", options[PORT].value);
	probe->port = (u16)number;
	if (!options[HOST].value) {
		parse_address("127.0.0.1", &probe->addresses[0]);
		parse_address("::1", &probe->addresses[1]);
		probe->address_count = 2;
	} else if (parse_address(options[HOST].value, &probe->addresses[0])) {
		probe->address_count = 1;
	} else {
		return usage("no literal address", options[HOST].value);
	}
	path = options[PATH].value ? options[PATH].value : "/";
	if (path[0] != '/' || !make_request(probe, path, options[HOST].value ? options[HOST].value : "localhost"))
		return usage("no path", path);
	probe->expected = options[EXPECT].value ? options[EXPECT].value : "200-399";
	if (!status_list_is_good(probe->expected))
		return usage("no list of statuses such as 200-399", probe->expected);
	if (!parse_number(options[INTERVAL].value, 60000000, &number))
		return usage("no interval", options[INTERVAL].value);
	probe->interval_ns = number * 1000;
	if (!parse_number(options[DEADLINE].value, 86400000, &number))
		return usage("no deadline", options[DEADLINE].value);
	probe->deadline_ns = clock_ns(CLOCK_MONOTONIC) + number * NS_PER_MS;
	probe->error = text_over(probe->error_room, sizeof(probe->error_room));
	return 0;
}

int verb_probe(struct init *init)
{
	/* It has nothing to clean up: signals may end it. SIGPIPE is the exception, a server may close at any time. */
	const signal_set blocked = SIGNAL_BIT(SIGPIPE);
	struct probe probe = {0};
	int wrong = prepare(init, &probe);

	if (wrong)
		return wrong;
	sys_rt_sigprocmask(SIG_SETMASK, &blocked, NULL);
	for (;;) {
		timespec pause = timespec_of(probe.interval_ns);

		attempt(&probe);
		if (probe.ready_ns || clock_ns(CLOCK_MONOTONIC) + probe.interval_ns >= probe.deadline_ns)
			return tell(&probe);
		sys_clock_nanosleep(CLOCK_MONOTONIC, &pause);
	}
}
