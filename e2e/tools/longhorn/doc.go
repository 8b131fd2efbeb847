// Package longhorn is the home of longhorn-standin: as much of the real Longhorn as runs on a node that has no iSCSI,
// NBD or ublk. From module github.com/longhorn/longhorn-manager v1.8.1, working on Longhorn's own custom resources in a
// real API server, it runs
//
//   - the REST API server, the manager and the datastore,
//   - the admission webhook with all mutators and validators, and the conversion webhook, as servers that the API server
//     calls,
//   - the controllers that decide from custom resources alone: volume, volume attachment, volume restore, volume
//     expansion, and the one that tells of PersistentVolumes. States and their order are theirs.
//
// Ours is what speaks to processes and moves bytes: a loop in place of the controllers of engines, replicas, share
// managers, snapshots, backups, backup volumes and backup targets, with volumes as sparse files and a backup store in a
// folder. In front of the API stands a proxy that can make it misbehave. Nothing reaches the network.
//
// # Packages
//
//   - store: the backup store in a folder
//   - images: volumes and snapshots as sparse files; sparse: copying them
//   - freeze: making the file system of a mounted volume hold still
//   - jobs: what takes long, beside the loop
//   - fault: what shall misbehave; proxy: the misbehaviour of the API's answers
//   - naming: how each generation of Longhorn names backup volumes
//   - loop: what stands in for the controllers, one file per kind
//   - seed: what Longhorn's API wants to find in the cluster before it answers
//   - app: all wiring; cmd/longhorn-standin: signals and exit code
//
// # Flags
//
//	--kubeconfig                  file; without it the service account of the pod
//	--namespace                   where Longhorn lives (longhorn-system)
//	--node                        name of the Kubernetes node (default: $NODE_NAME)
//	--pod-name, --pod-ip          of this pod (default: $POD_NAME, $POD_IP)
//	--data-dir                    folder for volumes, snapshots and backups (/var/lib/longhorn-standin)
//	--listen                      address of the API with the proxy in front (:9500)
//	--backup-target-url           URL of the backup target "default", such as s3://backups@us-east-1/lh; empty: Longhorn
//	                              as freshly installed, with the target "default" that has no URL
//	--backup-target-poll-interval how often the target is synced unasked (5m); 0: never
//	--bytes-per-second            how fast an upload or a restore moves bytes (0: as fast as the disk)
//
// A pod must be given the environment variables NODE_NAME, POD_NAME, POD_IP and POD_NAMESPACE by the downward API:
// Longhorn's own code reads some of them too.
//
// # Ports, and what the manifests must hold
//
// 9500 is the API with the proxy in front, opened last: a TCP readiness probe on it says that everything works. 9501 is
// Longhorn's conversion webhook and 9502 its admission webhook, both HTTPS with certificates that Longhorn's code makes and
// registers itself. The API server must reach them through the Services longhorn-conversion-webhook (9501) and
// longhorn-admission-webhook (9502), with publishNotReadyAddresses: the program writes custom resources, which need the
// webhooks, before it is ready. Service longhorn-backend is 9500 and without that. All select app: longhorn-manager,
// the label by which Longhorn finds its pods. 127.0.0.1:9510 is the API without the proxy.
//
// The container runs privileged, with hostPID, as root: a snapshot of an attached volume freezes the file system that the
// node has mounted, which it finds in /proc. The data folder is a hostPath. Longhorn's validating webhook is asked about
// each change of a claim in the cluster, as with the real Longhorn: while the pod is down, claims cannot be changed.
//
// The CRDs are k8s/crds.yaml in the folder that `go list -m -f '{{.Dir}}' github.com/longhorn/longhorn-manager` prints in
// this module. They and the namespace must exist before the program starts.
//
// # Rights of the service account
//
// Those of Longhorn's own manager; in one ClusterRole:
//
//   - longhorn.io: all resources, all verbs
//   - core: get, list, watch, create, update, patch, delete of pods, services, endpoints, configmaps, secrets, events,
//     serviceaccounts, persistentvolumes, persistentvolumeclaims and their status; get, list, watch of nodes, namespaces
//   - apps: all verbs on daemonsets, deployments, statefulsets, replicasets; batch: jobs, cronjobs
//   - policy: poddisruptionbudgets; coordination.k8s.io: leases; scheduling.k8s.io: priorityclasses; storage.k8s.io:
//     storageclasses, volumeattachments, csinodes, csidrivers; all verbs
//   - apiextensions.k8s.io: customresourcedefinitions; admissionregistration.k8s.io: validating- and
//     mutatingwebhookconfigurations; all verbs
//   - discovery.k8s.io: endpointslices; get, list, watch
//
// # Files
//
//	volumes/<volume>.img                the raw block image of a volume, sparse, exactly its size
//	snapshots/<volume>/<snapshot>.img   the same for a snapshot
//	backups/<target>/<volume>/          what the backup target holds of a volume: see package store
//
// Names that begin with a dot are not finished. All but backups/ belongs to the custom resources: an image whose volume is
// not in the cluster when the program starts is removed. backups/ survives everything.
//
// # Faults
//
// Key faults.yaml of the ConfigMap longhorn-standin in the same namespace holds a list; it is read anew when it changes.
// No ConfigMap, no faults. Once they hold, the ConfigMap's annotation longhorn-standin/applied is the SHA-256 of the
// content in hexadecimal; a list with a mistake turns all faults off, and longhorn-standin/error says what is wrong.
//
//   - fault: slow            # which, see below
//     match: 'GET /v1/volumes'
//     times: 2
//     delay: 5s
//
// match is a regular expression that must be found in "METHOD path?query" for faults of the API, and in the name of the
// volume or backup for the others (of the volume: the Longhorn volume's; of a backup: "<volume>/<backup>"). Without it, all
// match. times is how many requests, or how many different objects, are hit; without it, all. Changing an entry starts
// its count anew.
//
//	slow                  API: the answer is delayed by delay
//	status500             API: 500 with message, in Longhorn's form of an error
//	half                  API: the body ends in the middle and the connection is closed
//	wrongTypes            API: numbers become strings and numeric strings become numbers
//	apiMaster             API: answers get the fields that the newest Longhorn has and 1.8 has not
//	largeBlock            API: a new volume is refused as 1.10 and later do whose setting default-backup-block-size is 16:
//	                      unless its size is a multiple of that, or of the backupBlockSize that it is asked for with
//	targetUnavailable     the backup target is not available, with message; match: the target's name
//	syncNever             no sync of the target is ever done, though it is called available; match: the target's name
//	syncHalf              the target is synced, its backup volumes and backups are not; match: the volume's name
//	backupError           an upload ends in state Error with message; match: "<volume>/<backup>"
//	uploadPause           an upload stays InProgress at percent (0 to 99); match: "<volume>/<backup>"
//	restoreFault          a restore ends faulted with message; match: the volume's name
//	restorePause          a restore stays at percent (0 to 99); match: the volume's name
//	labelsMissing         pulled backups and backup volumes lack the label KubernetesStatus: from says which, backup,
//	                      backupVolume or (default) both; match: the volume's name
//	duplicateBackupVolumes  a second BackupVolume is made for the same volume and target at a sync; match: the volume's name
//	naming                BackupVolumes made from now on are named as in generation "1.6", "1.8" or "1.9" (default); match:
//	                      the volume's name
//	throttle              uploads and restores move bytesPerSecond; match: the volume's name
package longhorn
