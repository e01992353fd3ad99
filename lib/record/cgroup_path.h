/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the path of a cgroup tells: the container, the pod, the systemd unit and slice that a
 * process is in. No daemon is asked, nothing is opened.
 *
 * Forms known (the innermost one counts, so that a container within a container is itself):
 *
 *	/docker/ID  /libpod_parent/libpod-ID  /garden-like paths ending in an ID   cgroupfs drivers
 *	docker-ID.scope  cri-containerd-ID.scope  crio-ID.scope  libpod-ID.scope   systemd drivers
 *	X.service/libpod-payload-ID                           podman --cgroups=split (Quadlet)
 *	PARENT.slice:cri-containerd:ID                        containerd told a systemd name
 *	lxc.payload.NAME  /lxc.payload/NAME  /lxc/NAME        LXC, LXD, Incus
 *	/docker/buildkit/ID                                   BuildKit
 *	/kubepods/QOS/podUID/...  kubepods-QOS-podUID.slice/...  kubelet-kubepods-..., podUID
 *	..._slice/machine-libpod_pod_ID.slice                 a podman pod
 *
 * ID is 64 hex digits. The scopes of monitors (conmon, lxc.monitor) are no containers. A path
 * /NAMESPACE/NAME as `ctr run` makes could be anything, and tells nothing.
 */
#ifndef EVP_RECORD_CGROUP_PATH_H
#define EVP_RECORD_CGROUP_PATH_H

#include "base/hash.h"

#define EVP_POD_MAX 64

struct evp_cgroup_parts {
	struct evp_bytes container; /* the ID, or LXC's name; into the path; len 0: none */
	const char
		*runtime; /* docker, buildkit, containerd, crio, podman, lxc; "" where the path does
				not say */
	struct evp_bytes unit;	   /* as systemctl names it; "" for a container's own scope */
	struct evp_bytes slice;	   /* the innermost one */
	char pod[EVP_POD_MAX + 1]; /* a Kubernetes UID with dashes, or podman's pod ID; "" none */
};

/* A container starts anew: a unit above it is the engine's, except where podman was told to split. */
void evp_cgroup_parse(const char *path, struct evp_cgroup_parts *ret);

#endif
