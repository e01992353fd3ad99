// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "record/cgroup_path.h"

#include <string.h>

#define ID_LEN	 64
#define UUID_LEN 36

static struct evp_bytes from(const char *ptr, size_t len)
{
	return (struct evp_bytes){ ptr, len };
}

static bool is(struct evp_bytes s, const char *text)
{
	return s.len == strlen(text) && !memcmp(s.ptr, text, s.len);
}

static bool begins(struct evp_bytes s, const char *head)
{
	return s.len >= strlen(head) && !memcmp(s.ptr, head, strlen(head));
}

static bool take_head(struct evp_bytes *s, const char *head)
{
	if (!begins(*s, head))
		return false;
	*s = from(s->ptr + strlen(head), s->len - strlen(head));
	return true;
}

static bool take_tail(struct evp_bytes *s, const char *tail)
{
	size_t len = strlen(tail);

	if (s->len <= len || memcmp(s->ptr + s->len - len, tail, len) != 0)
		return false;
	s->len -= len;
	return true;
}

static bool is_hex(const char *p, size_t len)
{
	return strspn(p, "0123456789abcdef") >= len;
}

static bool is_id(struct evp_bytes s)
{
	return s.len == ID_LEN && is_hex(s.ptr, s.len);
}

/* "docker-ID", "cri-containerd-ID", "libpod-payload-ID" ...; a monitor is outside its container. */
static bool named_container(struct evp_bytes s, struct evp_cgroup_parts *ret)
{
	static const char *const runtime[][2] = {
		{ "docker-", "docker" },
		{ "cri-containerd-", "containerd" },
		{ "containerd-", "containerd" },
		{ "nerdctl-", "containerd" },
		{ "crio-", "crio" },
		{ "libpod-", "podman" },
		{ "libpod-payload-", "podman" },
	};
	struct evp_bytes id;

	for (size_t i = 0; i < EVP_ARRAY_SIZE(runtime); i++) {
		id = s;
		if (take_head(&id, runtime[i][0]) && is_id(id)) {
			ret->container = id;
			ret->runtime = runtime[i][1];
			return true;
		}
	}
	return false;
}

static const char *runtime_of(struct evp_bytes parent)
{
	return is(parent, "docker") ? "docker" : is(parent, "libpod_parent") ? "podman" : "";
}

static bool is_buildkit_id(struct evp_bytes s)
{
	return s.len >= 20 && s.len < ID_LEN &&
	       strspn(s.ptr, "0123456789abcdefghijklmnopqrstuvwxyz") >= s.len;
}

/* LXC has names of its own, and marks them by what is before or above them. */
static bool lxc_container(struct evp_bytes s, struct evp_bytes parent, struct evp_cgroup_parts *ret)
{
	if (!take_head(&s, "lxc.payload.") && !is(parent, "lxc") && !is(parent, "lxc.payload"))
		return false;
	if (!s.len || is(s, "lxc.payload"))
		return false;
	ret->container = s;
	ret->runtime = "lxc";
	return true;
}

static bool take_container(struct evp_bytes s, struct evp_bytes parent,
			   struct evp_cgroup_parts *ret)
{
	take_tail(&s, ".scope");
	if (named_container(s, ret) || lxc_container(s, parent, ret))
		return true;
	if (is(parent, "buildkit") && is_buildkit_id(s))
		ret->runtime = "buildkit";
	else if (is_id(s))
		ret->runtime = runtime_of(parent);
	else
		return false;
	ret->container = s;
	return true;
}

/* 8-4-4-4-12 hex digits, systemd's spelling with '_' too; or 32 of them (a static pod's hash). */
static bool copy_uid(struct evp_bytes s, char *pod)
{
	if (s.len == 32 && is_hex(s.ptr, s.len)) {
		memcpy(pod, s.ptr, s.len);
		pod[s.len] = 0;
		return true;
	}
	if (s.len != UUID_LEN)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? s.ptr[i] != '-' && s.ptr[i] != '_' : !is_hex(s.ptr + i, 1))
			return false;
	}
	for (size_t i = 0; i < s.len; i++)
		pod[i] = s.ptr[i] == '_' ? '-' : s.ptr[i];
	pod[s.len] = 0;
	return true;
}

static void take_pod(struct evp_bytes s, struct evp_cgroup_parts *ret)
{
	static const char podman[] = "libpod_pod_";
	const char *at;

	take_tail(&s, ".slice");
	at = memmem(s.ptr, s.len, podman, sizeof(podman) - 1);
	if (at) {
		take_head(&s, "machine-");
		take_head(&s, "user-");
		if (take_head(&s, podman) && is_id(s)) {
			memcpy(ret->pod, s.ptr, s.len);
			ret->pod[s.len] = 0;
		}
		return;
	}
	at = begins(s, "pod") ? s.ptr : memmem(s.ptr, s.len, "-pod", 4);
	/* "kubelet-kubepods-besteffort-podUID": the first "-pod" need not be the last. */
	while (at && !copy_uid(from(at + (*at == '-') + 3,
				    s.len - (size_t)(at - s.ptr) - 3 - (*at == '-')),
			       ret->pod)) {
		size_t gone = (size_t)(at - s.ptr) + 1;

		at = memmem(s.ptr + gone, s.len - gone, "-pod", 4);
	}
}

/* systemd puts '_' before a name that the kernel would take for one of its files. */
static void take_unit(struct evp_bytes s, struct evp_cgroup_parts *ret)
{
	static const char *const suffix[] = { ".service", ".scope", ".socket", ".mount", ".swap" };
	struct evp_bytes unit = s;

	take_head(&unit, "_");
	s = unit;
	if (take_tail(&s, ".slice")) {
		ret->slice = unit;
		return;
	}
	for (size_t i = 0; i < EVP_ARRAY_SIZE(suffix); i++)
		if (take_tail(&s, suffix[i])) {
			ret->unit = unit;
			return;
		}
}

/* "PARENT.slice:cri-containerd:ID" as one component. */
static bool take_colons(struct evp_bytes s, struct evp_cgroup_parts *ret)
{
	const char *first = memchr(s.ptr, ':', s.len), *second;
	struct evp_bytes id;

	second = first ? memrchr(s.ptr, ':', s.len) : NULL;
	if (!second || second == first)
		return false;
	id = from(second + 1, s.len - (size_t)(second + 1 - s.ptr));
	if (!is_id(id))
		return false;
	take_pod(from(s.ptr, (size_t)(first - s.ptr)), ret);
	take_unit(from(s.ptr, (size_t)(first - s.ptr)), ret);
	ret->container = id;
	s = from(first + 1, (size_t)(second - first - 1));
	ret->runtime = is(s, "docker") ? "docker" : is(s, "crio") ? "crio" : "containerd";
	return true;
}

void evp_cgroup_parse(const char *path, struct evp_cgroup_parts *ret)
{
	struct evp_bytes parent = from("", 0), s;

	*ret = (struct evp_cgroup_parts){
		.runtime = "", .container = parent, .unit = parent, .slice = parent
	};
	for (; *path; path += s.len + (path[s.len] == '/'), parent = s) {
		s = from(path, strcspn(path, "/"));
		if (!s.len)
			s = parent.len ? s : from(path, 0);
		if (take_colons(s, ret)) {
			ret->unit = from("", 0);
		} else if (take_container(s, parent, ret)) {
			if (!begins(s, "libpod-payload-"))
				ret->unit = from("", 0);
		} else {
			take_pod(s, ret);
			take_unit(s, ret);
		}
	}
}
