// SPDX-License-Identifier: GPL-2.0-or-later
/* What cgroup paths of the field tell, and which labels come of a process. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "record/cgroup_path.h"
#include "record/labeller.h"
#include "record/process_text.h"
#include "record/relabel.h"
#include "stream/service.h"
#include "tap.h"

#define ID  "4cb9b8f1a1d5ec0d2b6b3d8dd0bbd1f16cbd6ce0cf8d2fd0b8ed4b36a5cb0a11"
#define ID2 "a4fdf2f34a84387639c1e763e50f114dd9374585d4dc287a6ae72ee8b7627900"
#define UID "0f1a2b3c-9d8e-4f5a-8b7c-112233445566"
#define UD_ "0f1a2b3c_9d8e_4f5a_8b7c_112233445566"
#define MD5 "d41d8cd98f00b204e9800998ecf8427e"

static int is(struct evp_bytes got, const char *wanted)
{
	return evp_bytes_equal(got, evp_text(wanted));
}

static const struct {
	const char *path, *container, *runtime, *pod, *unit, *slice, *service;
} paths[] = {
	/* what                                    container runtime pod unit slice service */
	{ "/", "", "", "", "", "", "x" },
	{ "", "", "", "", "", "", "x" },
	{ "/docker/" ID, ID, "docker", "", "", "", "x" },
	{ "/system.slice/docker-" ID ".scope", ID, "docker", "", "", "system.slice", "x" },
	{ "/system.slice/docker-" ID ".scope/init.scope", ID, "docker", "", "init.scope",
	  "system.slice", "init" },
	{ "/docker/buildkit/q2bw0w2sdfbvz1tl7xhe4i6cc", "q2bw0w2sdfbvz1tl7xhe4i6cc", "buildkit", "",
	  "", "", "x" },
	/* docker in docker, and a pod in it (kind) */
	{ "/docker/" ID "/docker/" ID2, ID2, "docker", "", "", "", "x" },
	{ "/docker/" ID "/kubelet/kubepods/besteffort/pod" UID "/" ID2, ID2, "", UID, "", "", "x" },
	{ "/docker/" ID "/kubelet.slice/kubelet-kubepods.slice/"
	  "kubelet-kubepods-burstable.slice/kubelet-kubepods-burstable-pod" UD_ ".slice/"
	  "cri-containerd-" ID2 ".scope",
	  ID2, "containerd", UID, "", "kubelet-kubepods-burstable-pod" UD_ ".slice", "x" },
	/* Kubernetes: the cgroupfs and the systemd driver, each quality of service */
	{ "/kubepods/pod" UID "/" ID, ID, "", UID, "", "", "x" },
	{ "/kubepods/burstable/pod" UID "/" ID, ID, "", UID, "", "", "x" },
	{ "/kubepods/besteffort/pod" MD5 "/" ID, ID, "", MD5, "", "", "x" },
	{ "/kubepods.slice/kubepods-pod" UD_ ".slice/docker-" ID ".scope", ID, "docker", UID, "",
	  "kubepods-pod" UD_ ".slice", "x" },
	{ "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UD_ ".slice/crio-" ID
	  ".scope",
	  ID, "crio", UID, "", "kubepods-burstable-pod" UD_ ".slice", "x" },
	{ "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" UD_
	  ".slice/cri-containerd-" ID ".scope",
	  ID, "containerd", UID, "", "kubepods-besteffort-pod" UD_ ".slice", "x" },
	{ "/system.slice/containerd.service/kubepods-burstable-pod" UD_ ".slice:cri-containerd:" ID,
	  ID, "containerd", UID, "", "kubepods-burstable-pod" UD_ ".slice", "x" },
	{ "/kubepods/burstable/pod" UID, "", "", UID, "", "", "x" },
	{ "/kubepods.slice/kubepods-pod" UD_ ".slice/crio-conmon-" ID ".scope", "", "", UID,
	  "crio-conmon-" ID ".scope", "kubepods-pod" UD_ ".slice", "crio-conmon-" ID },
	/* podman: root, rootless, split by Quadlet, a pod of its own, its monitor */
	{ "/machine.slice/libpod-" ID ".scope", ID, "podman", "", "", "machine.slice", "x" },
	{ "/machine.slice/libpod-" ID ".scope/container", ID, "podman", "", "", "machine.slice",
	  "x" },
	{ "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope/container",
	  ID, "podman", "", "", "user.slice", "x" },
	{ "/system.slice/web.service/libpod-payload-" ID, ID, "podman", "", "web.service",
	  "system.slice", "web" },
	{ "/machine.slice/machine-libpod_pod_" ID2 ".slice/libpod-" ID ".scope", ID, "podman", ID2,
	  "", "machine-libpod_pod_" ID2 ".slice", "x" },
	{ "/machine.slice/libpod-conmon-" ID ".scope", "", "", "", "libpod-conmon-" ID ".scope",
	  "machine.slice", "libpod-conmon-" ID },
	{ "/libpod_parent/libpod-" ID, ID, "podman", "", "", "", "x" },
	{ "/default/" ID, ID, "", "", "", "", "x" }, /* nerdctl */
	/* LXC, LXD, Incus */
	{ "/lxc/web1", "web1", "lxc", "", "", "", "web1" },
	{ "/lxc.payload/web1", "web1", "lxc", "", "", "", "web1" },
	{ "/lxc.payload.web-1/system.slice/nginx.service", "web-1", "lxc", "", "nginx.service",
	  "system.slice", "nginx" },
	{ "/lxc.monitor.web1", "", "", "", "", "", "x" },
	{ "/lxc.payload.web1/docker/" ID, ID, "docker", "", "", "", "x" },
	/* systemd: instances, delegation, users, names with an escape */
	{ "/system.slice/nginx.service", "", "", "", "nginx.service", "system.slice", "nginx" },
	{ "/system.slice/system-getty.slice/getty@tty1.service", "", "", "", "getty@tty1.service",
	  "system-getty.slice", "getty" },
	{ "/system.slice/foo.service/worker/3", "", "", "", "foo.service", "system.slice", "foo" },
	{ "/user.slice/user-0.slice/session-3.scope", "", "", "", "session-3.scope", "user-0.slice",
	  "session-3" },
	{ "/user.slice/user-1000.slice/user@1000.service/app.slice/app-foo.service", "", "", "",
	  "app-foo.service", "app.slice", "app-foo" },
	{ "/system.slice/_cpu.service", "", "", "", "cpu.service", "system.slice", "cpu" },
	{ "/system.slice/docker.service", "", "", "", "docker.service", "system.slice", "docker" },
	/* nothing that it should not be taken for */
	{ "/default/redis", "", "", "", "", "", "x" },
	{ "/docker/" ID "a", "", "", "", "", "", "x" },
	{ "/kubepods/pod123/x", "", "", "", "", "", "x" },
	{ "/a-pod" UID "x/-pod/pod", "", "", "", "", "", "x" },
	{ "/lxc", "", "", "", "", "", "x" },
	{ "/../../foo.service", "", "", "", "foo.service", "", "foo" },
	{ "//.service//.slice", "", "", "", "", "", "x" },
	{ "/" ID ":" ID, "", "", "", "", "", "x" },
};

static void test_paths(void)
{
	struct evp_cgroup_parts p;

	for (size_t i = 0; i < EVP_ARRAY_SIZE(paths); i++) {
		struct evp_bytes service;
		int good;

		evp_cgroup_parse(paths[i].path, &p);
		service = evp_service_name(&(struct evp_service_from){
			.unit = p.unit,
			.container = strcmp(p.runtime, "lxc") ? evp_text("") : p.container,
			.pod = evp_text(p.pod),
			.exe = evp_text("/usr/bin/x"),
			.comm = evp_text("y") });
		good = is(p.container, paths[i].container) &&
		       !strcmp(p.runtime, paths[i].runtime) && !strcmp(p.pod, paths[i].pod) &&
		       is(p.unit, paths[i].unit) && is(p.slice, paths[i].slice) &&
		       is(service, paths[i].service);
		if (!good)
			printf("# container '%.*s' of '%s', pod '%s', unit '%.*s', slice '%.*s', "
			       "service "
			       "'%.*s'\n",
			       (int)p.container.len, p.container.ptr, p.runtime, p.pod,
			       (int)p.unit.len, p.unit.ptr, (int)p.slice.len, p.slice.ptr,
			       (int)service.len, service.ptr);
		ok(good, paths[i].path);
	}
}

static void test_choice(void)
{
	uint32_t chosen = 7;
	struct evp_err err = { 0 };

	ok(!evp_labels_choose("", &chosen, &err) && chosen == 0, "no labels");
	ok(!evp_labels_choose("comm,tid", &chosen, &err) &&
		   chosen == (1u << EVP_LABEL_COMM | 1u << EVP_LABEL_TID),
	   "these");
	ok(!evp_labels_choose("+thread,-pid", &chosen, &err) &&
		   chosen ==
			   ((EVP_LABELS_DEFAULT | 1u << EVP_LABEL_THREAD) & ~(1u << EVP_LABEL_PID)),
	   "the default with and without");
	ok(evp_labels_choose("comm,+tid", &chosen, &err) == -EINVAL &&
		   evp_labels_choose("+tid,comm", &chosen, &err) == -EINVAL &&
		   evp_labels_choose("comm,,tid", &chosen, &err) == -EINVAL &&
		   evp_labels_choose("+", &chosen, &err) == -EINVAL &&
		   evp_labels_choose("Comm", &chosen, &err) == -EINVAL,
	   "what is no list is refused");
}

/* A label of the last derivation; "" absent. */
static int label_is(const struct evp_labeller *l, const char *name, const char *wanted)
{
	struct evp_bytes got = evp_labels_get(&l->labels, evp_text(name));

	if (!is(got, wanted))
		printf("# %s is '%.*s', wanted '%s'\n", name, (int)got.len, got.ptr, wanted);
	return is(got, wanted);
}

static void test_labeller(void)
{
	static const char rules[] = "- source_labels: [__meta_env_var_EVP_SECOND]\n"
				    "  target_label: second\n"
				    "- action: labelmap\n"
				    "  regex: __meta_(docker_container_id|process_ppid)\n";
	static const char *const fixed[] = { "service=fixed", "x=1" };
	static const char *const env[] = { "EVP_FIRST", "EVP_ABSENT" };
	struct evp_proc p = { .pid = getpid(),
			      .kin = { 77 },
			      .comm = "a\nb",
			      .exe = "/usr/bin/prog",
			      .cgroup = "/docker/" ID,
			      .identity = 1 };
	struct evp_raw_sample s = { .tid = 12, .cpu = 3, .comm = "worker" };
	struct evp_labeller_opts o = { .chosen = EVP_LABELS_DEFAULT,
				       .node = "here",
				       .fixed = fixed,
				       .nfixed = 2,
				       .env = env,
				       .nenv = 2 };
	struct evp_labeller l;
	bool keep;

	ok(!evp_labeller_init(&l, &o, NULL) && !l.by_comm && !l.by_tid && !l.by_cpu,
	   "default labels are the process's");
	ok(!evp_labeller_derive(&l, &p, &s, &keep) && keep && label_is(&l, "comm", "a\nb") &&
		   label_is(&l, "container", ID) && label_is(&l, "node", "here") &&
		   label_is(&l, "tid", "") && label_is(&l, "env_EVP_FIRST", "1=2") &&
		   label_is(&l, "env_EVP_ABSENT", "") && label_is(&l, "__meta_cpu", ""),
	   "default labels, and a variable");
	ok(label_is(&l, "service", "fixed") && label_is(&l, "x", "1"), "a fixed one goes before");
	evp_labeller_release(&l);

	o.chosen = 1u << EVP_LABEL_THREAD | 1u << EVP_LABEL_TID;
	o.nenv = o.nfixed = 0;
	ok(!evp_relabel_parse(&o.relabel, rules, sizeof(rules) - 1, "rules", NULL) &&
		   !evp_labeller_init(&l, &o, NULL) && l.by_comm && l.by_tid && !l.by_cpu,
	   "thread labels are the thread's");
	ok(!evp_labeller_derive(&l, &p, &s, &keep) && label_is(&l, "thread", "worker") &&
		   label_is(&l, "tid", "12") && label_is(&l, "comm", ""),
	   "thread labels");
	p.exec_generation++; /* what was read for the first labels is of another program */
	ok(!evp_labeller_derive(&l, &p, &s, &keep) && label_is(&l, "second", "two") &&
		   label_is(&l, "docker_container_id", ID) && label_is(&l, "process_ppid", "77") &&
		   label_is(&l, "env_EVP_SECOND", ""),
	   "rules see what was not chosen");
	evp_labeller_release(&l);
	evp_relabel_free(o.relabel);

	evp_proc_labels_free(p.labels);
	o = (struct evp_labeller_opts){ .node = "", .env = (const char *[]){ "A B" }, .nenv = 1 };
	ok(evp_labeller_init(&l, &o, NULL) == -EINVAL,
	   "a variable that can be no label is refused");
}

static void test_environ(void)
{
	static const char text[] = "A=1\0AB=2\0A=3\0=\0\0B\0C=\0D=\xff\n\0E=5";
	const struct evp_bytes names[] = { evp_text("A"), evp_text("B"), evp_text("C"),
					   evp_text("D"), evp_text("E") };
	struct evp_labels ls = { 0 };

	/* E is cut: no NUL of its own ends it. */
	evp_process_parse_env((struct evp_bytes){ text, sizeof(text) - 1 }, names,
			      EVP_ARRAY_SIZE(names), &ls);
	ok(ls.n == 2 && is(evp_labels_get(&ls, evp_text("__meta_env_var_A")), "1") &&
		   is(evp_labels_get(&ls, evp_text("__meta_env_var_D")), "\xff\n"),
	   "an environment, and what is none");
	evp_labels_release(&ls);
}

/* One slot a process, or a thread where that matters, and a new one when either is another. */
static void test_slots(void)
{
	struct evp_labeller_opts o = { .chosen = 1u << EVP_LABEL_THREAD, .node = "" };
	struct evp_raw_sample a = { .tid = 1, .comm = "a" }, b = { .tid = 2, .comm = "b" };
	struct evp_proc p = { .identity = 1, .comm = "x", .exe = "", .cgroup = "" };
	struct evp_labeller l;

	evp_labeller_init(&l, &o, NULL);
	*evp_labeller_slot(&l, &p, &a, 1) = 5;
	ok(*evp_labeller_slot(&l, &p, &b, 1) == 0 && *evp_labeller_slot(&l, &p, &a, 1) == 5,
	   "a slot for each thread name");
	a.tid = 9;
	ok(*evp_labeller_slot(&l, &p, &a, 1) == 5, "not for each thread");
	ok(*evp_labeller_slot(&l, &p, &a, 2) == 0, "anew in an epoch");
	*evp_labeller_slot(&l, &p, &a, 2) = 6;
	p.identity++;
	ok(*evp_labeller_slot(&l, &p, &a, 2) == 0, "anew for who it is now");
	evp_labeller_release(&l);
	evp_proc_labels_free(p.labels);
}

int main(int argc, char **argv)
{
	/* /proc/self/environ is what the program was started with. */
	if (!getenv("EVP_FIRST")) {
		setenv("EVP_FIRST", "1=2", 1);
		setenv("EVP_SECOND", "two", 1);
		setenv("EVP_SECOND_NOT", "three", 1);
		execv(argv[0], argv);
		return 1;
	}
	test_paths();
	test_choice();
	test_labeller();
	test_environ();
	test_slots();
	return done_testing();
}
