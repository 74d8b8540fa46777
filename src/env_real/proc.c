/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc: child processes. The child is made with clone(CLONE_VM | CLONE_VFORK): it borrows our memory until it executes, so
 * that starting one costs the same however large we are, and an exec that fails is seen at once. A pidfd in the loop's set
 * tells when it ends.
 *
 * proc I1: between clone and exec the child calls only what is safe in a signal handler, and writes only to its stack.
 * proc I2: the child gets SIGKILL when the thread that started it ends (PDEATHSIG), also when that happened before the child
 *          could ask for it. So children are started from a thread that lives as long as the process.
 * proc I3: the child starts with default signal treatment, nothing blocked, and no descriptor above 2.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "real.h"

#define BIRTH_STACK (64 * KIB)

/* ThreadSanitizer keeps books of each process that it made, and cannot do so for two in one memory: the child gets a copy, and only
 * its stack is shared, on which it tells its error. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define BIRTH_COPY 1
#endif
#endif
#if defined(__SANITIZE_THREAD__) || defined(BIRTH_COPY)
enum { BIRTH_CLONE = CLONE_VFORK | SIGCHLD, BIRTH_MAP = MAP_SHARED | MAP_ANONYMOUS };
#else
enum { BIRTH_CLONE = CLONE_VM | CLONE_VFORK | SIGCHLD, BIRTH_MAP = MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK };
#endif

struct env_proc {
	struct real_source source;
	struct env_loop *loop;
	struct list link;
	int32_t pid;
	void (*exited)(void *arg, int status);
	void *arg;
};

struct birth {
	char *const *argv;
	char *const *envp;
	pid_t parent;
	volatile int *err; /* lies at the far end of the child's stack */
};

/* The sanitizer knows nothing of the borrowed stack. */
__attribute__((no_sanitize_address)) static int
child_main(void *arg)
{
	struct birth *birth = arg;
	static const uint64_t standard[4] = {0}; /* the kernel's struct sigaction: SIG_DFL, no flags, no mask */
	sigset_t none;

	/* By the kernel's own call: the library keeps 32 and 33 to itself, and some parents leave those ignored. */
	for (int signo = 1; signo < 65; signo++)
		syscall(SYS_rt_sigaction, signo, standard, NULL, 8);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* proc I2 */
	if (getppid() != birth->parent)
		_exit(127);
	close_range(3, ~0U, 0);
	if (strchr(birth->argv[0], '/') != NULL)
		execve(birth->argv[0], birth->argv, birth->envp);
	else
		execvpe(birth->argv[0], birth->argv, birth->envp);
	*birth->err = errno;
	_exit(127);
}

/* Starts the child. Its pid or -errno. */
static pid_t
give_birth(struct birth *birth)
{
	char *stack = mmap(NULL, BIRTH_STACK, PROT_READ | PROT_WRITE, BIRTH_MAP, -1, 0);
	sigset_t all, before;
	pid_t pid;
	int err;

	if (stack == MAP_FAILED)
		return -ENOMEM;
	birth->err = (volatile int *)stack;
	/* No handler of ours may run in the child while it borrows our memory. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = clone(child_main, stack + BIRTH_STACK, BIRTH_CLONE, birth);
	if (pid < 0)
		pid = -errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	err = *birth->err;
	munmap(stack, BIRTH_STACK);
	if (pid > 0 && err != 0) {
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		pid = -err;
	}
	return pid;
}

static void
proc_free(struct env_proc *proc)
{
	real__source_set(proc->loop, &proc->source, 0);
	real__fd_close(proc->source.fd);
	list_remove(&proc->link);
	mem_free(&proc->loop->real->mem, proc);
}

static void
proc_ready(struct real_source *source, uint32_t events)
{
	struct env_proc *proc = container_of(source, struct env_proc, source);
	int status = 0;
	pid_t pid;

	do
		pid = waitpid(proc->pid, &status, WNOHANG);
	while (pid < 0 && errno == EINTR);
	if (pid == 0)
		return;
	real__source_set(proc->loop, source, 0);
	real__loop_ran(proc->loop);
	proc->exited(proc->arg, status);
	proc_free(proc);
}

static void
kill_and_reap(pid_t pid)
{
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

int
real__spawn(struct env_loop *loop, char *const argv[], char *const envp[], void (*exited)(void *arg, int status), void *arg,
	    struct env_proc **procp)
{
	struct birth birth = {.argv = argv, .envp = envp != NULL ? envp : environ, .parent = getpid()};
	struct env_proc *proc = MEM_NEW(&loop->real->mem, struct env_proc);
	int rc;

	if (proc == NULL)
		return -DER_NOMEM;
	*proc = (struct env_proc){.loop = loop, .exited = exited, .arg = arg, .source.ready = proc_ready, .source.fd = -1};
	list_init(&proc->link);
	proc->pid = give_birth(&birth);
	rc = MIN(proc->pid, 0);
	if (rc == 0) {
		proc->source.fd = real__fd_note(pidfd_open(proc->pid, 0));
		rc = proc->source.fd < 0 ? -errno : real__source_set(loop, &proc->source, EPOLLIN);
		if (rc != 0)
			kill_and_reap(proc->pid);
	}
	if (rc != 0) {
		log_error(loop->real->env.log, "cannot run %s: %s", argv[0], strerror(-rc));
		real__fd_close(proc->source.fd);
		mem_free(&loop->real->mem, proc);
		return real__errno(-rc);
	}
	list_append(&loop->procs, &proc->link);
	*procp = proc;
	return 0;
}

int32_t
real__proc_pid(struct env_proc *proc)
{
	return proc->pid;
}

int
real__proc_signal(struct env_proc *proc, int signo)
{
	if (pidfd_send_signal(proc->source.fd, signo, NULL, 0) == 0)
		return 0;
	return errno == ESRCH ? -DER_NONEXIST : real__errno(errno);
}

void
real__procs_close(struct env_loop *loop)
{
	struct env_proc *proc, *tmp;

	list_each_safe(proc, tmp, &loop->procs, link) {
		kill_and_reap(proc->pid);
		proc_free(proc);
	}
}
