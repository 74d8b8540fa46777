/* SPDX-License-Identifier: Apache-2.0 */
/*
 * addr: addresses as text, and sockets with the options that connections want.
 *
 * A host that is neither a numeral nor "localhost" is looked up, which blocks the stream: owners resolve names first where
 * that matters.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "conn.h"

/* Silent TCP peers are given up after this; connecting ends after SYNs at 0, 1 and 3 s found no answer until 7 s. */
#define TCP_SILENCE_MS 9000
#define LOCAL_SNDBUF ((int)(512 * KIB))
#define PACKET_SNDBUF ((int)(PACKET_MAX + 64 * KIB))

static int
parse_local(const char *path, struct net_addr *addr)
{
	size_t len = strlen(path);

	if (path[0] != '/' || len < 2)
		return -DER_INVAL;
	if (len >= sizeof(addr->un.sun_path))
		return -DER_EXCEEDS_PATH_LEN;
	addr->local = true;
	addr->un.sun_family = AF_UNIX;
	memcpy(addr->un.sun_path, path, len + 1);
	addr->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
	return 0;
}

static int
look_up(const char *host, const char *port, int flags, struct net_addr *addr)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV}, *found;

	if (getaddrinfo(host, port, &hints, &found) != 0)
		return -DER_UNREACH;
	memcpy(&addr->any, found->ai_addr, MIN((size_t)found->ai_addrlen, sizeof(addr->in6)));
	addr->len = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

static int
parse_tcp(const char *text, struct net_addr *addr)
{
	const char *colon = strrchr(text, ':');
	char host[256];
	size_t len;
	char *end;
	unsigned long port;

	if (colon == NULL || colon == text)
		return -DER_INVAL;
	port = strtoul(colon + 1, &end, 10);
	if (colon[1] < '0' || colon[1] > '9' || *end != '\0' || port > UINT16_MAX)
		return -DER_INVAL;
	len = (size_t)(colon - text);
	if (text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	if (len == 0 || len >= sizeof(host))
		return -DER_INVAL;
	memcpy(host, text, len);
	host[len] = '\0';
	if (strcmp(host, "localhost") == 0)
		strcpy(host, "127.0.0.1");
	if (look_up(host, colon + 1, AI_NUMERICHOST, addr) == 0)
		return 0;
	return look_up(host, colon + 1, AI_ADDRCONFIG, addr);
}

int
real__addr_parse(const char *text, struct net_addr *addr)
{
	memset(addr, 0, sizeof(*addr));
	if (strncmp(text, "tcp://", 6) == 0)
		return parse_tcp(text + 6, addr);
	if (strncmp(text, "unix://", 7) == 0)
		return parse_local(text + 7, addr);
	if (strncmp(text, "seqpacket://", 12) == 0) {
		addr->packets = true;
		return parse_local(text + 12, addr);
	}
	return -DER_INVAL;
}

void
real__addr_print(const struct net_addr *addr, char *text, size_t size)
{
	char host[INET6_ADDRSTRLEN] = "?";

	switch (addr->any.sa_family) {
	case AF_UNIX:
		snprintf(text, size, "%s://%s", addr->packets ? "seqpacket" : "unix", addr->un.sun_path);
		break;
	case AF_INET:
		inet_ntop(AF_INET, &addr->in.sin_addr, host, sizeof(host));
		snprintf(text, size, "tcp://%s:%u", host, ntohs(addr->in.sin_port));
		break;
	case AF_INET6:
		inet_ntop(AF_INET6, &addr->in6.sin6_addr, host, sizeof(host));
		snprintf(text, size, "tcp://[%s]:%u", host, ntohs(addr->in6.sin6_port));
		break;
	default:
		snprintf(text, size, "?");
	}
}

static void
set_int(int fd, int level, int option, int value)
{
	/* A refused option makes a connection slower to notice death, not wrong. */
	if (setsockopt(fd, level, option, &value, sizeof(value)) != 0)
		errno = 0;
}

void
real__socket_options(int fd, bool local, bool packets)
{
	if (local) {
		set_int(fd, SOL_SOCKET, SO_SNDBUF, packets ? PACKET_SNDBUF : LOCAL_SNDBUF);
		return;
	}
	set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, 3);
	set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, 2);
	set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
	set_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, TCP_SILENCE_MS);
	set_int(fd, IPPROTO_TCP, TCP_SYNCNT, 2);
}

int
real__addr_socket(const struct net_addr *addr)
{
	int type = addr->packets ? SOCK_SEQPACKET : SOCK_STREAM;
	int fd = socket(addr->any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : real__fd_note(fd);
}
