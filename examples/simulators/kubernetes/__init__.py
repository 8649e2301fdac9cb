"""A simulated Kubernetes: an API for the real kubectl, and pods that are real processes.

Python's standard library is enough. What is real: kubectl, and the platform's processes,
which run the release that the image's tag names. What is simulated: everything between
them, in one process on one host.

| Module | What |
|---|---|
| `cluster` | the objects, their versions, and what waits for changes |
| `kinds` | which kinds of objects there are, and where in the API |
| `api`, `tables`, `patches`, `fields` | the API: requests, columns, patches, unknown fields |
| `deployments` | Deployments, ReplicaSets, autoscalers |
| `quotas` | how many pods a namespace may have |
| `kubelet`, `processes` | pods: images, probes, restarts, logs |
| `balancer` | Services: connections go to ready pods in turn |
| `secrets` | ExternalSecrets: a refresh reads the store anew |
| `manifests` | what is there at the start |

Whatever else a client asks for is answered 501 and written into `unknown.jsonl`.
What it leaves out is in `source/docs/simulated-cloud.md`.
"""
