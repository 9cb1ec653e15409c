#!/usr/bin/env python3
"""Runs every point of a plan on the workers of a Dask cluster, then merges them.

    systole plan SCENARIO --vary ... -o plan.jsonl
    python3 scripts/sweep_dask.py --plan plan.jsonl --out results/designs

Workers are processes of this machine, unless --scheduler, --ssh-hosts or --on says where else. They need `systole`, and
the current folder under the same path: a folder that all machines share. A point is a function of the plan and is written
whole or not at all, so a worker that dies costs only what it was computing: that is run again elsewhere, and the folder
ends byte for byte as that of one `systole sweep`. Stopped or killed, the same command goes on.

Exit codes are those of systole: 0 ok, 1 runtime error, 2 bad usage or plan, 5 safety violated, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

RUNTIME, USAGE, UNSAFE, INTERRUPTED = 1, 2, 5, 130
# What running a point once more would only say again.
FINAL = (USAGE, UNSAFE, INTERRUPTED)
EXTRAS = {"asyncssh": "--ssh-hosts", "dask_jobqueue": "--on slurm and --on pbs", "dask_kubernetes": "--on kubernetes"}


class Failure(Exception):
    """Ends this script with a message and an exit code."""

    def __init__(self, code: int, message: str):
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Ended:
    """How `systole point` ended on a worker."""

    code: int
    said: str


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plan", required=True, metavar="FILE", help="what `systole plan` wrote")
    parser.add_argument("--out", required=True, metavar="DIR", help="the sweep's folder")
    parser.add_argument("--systole", default=os.environ.get("SYSTOLE", "systole"), metavar="PROGRAM",
                        help="systole, as workers find it [default: $SYSTOLE, or systole]")
    parser.add_argument("--retries", type=int, default=3, metavar="N",
                        help="how often a point is run again that fails or loses its worker [default: 3]")
    parser.add_argument("--workers", type=positive, metavar="N",
                        help="worker processes; of --ssh-hosts, on each [default: this machine's cores; elsewhere 1]")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--scheduler", metavar="ADDRESS", help="use the cluster of a running Dask scheduler")
    where.add_argument("--ssh-hosts", metavar="FILE", help="begin workers on these hosts, one a line")
    where.add_argument("--on", choices=["slurm", "pbs", "kubernetes"], help="ask this for workers, and give them back")
    cluster = parser.add_argument_group("what is asked for by --on")
    cluster.add_argument("--memory", default="2GB", help="of each worker [default: 2GB]")
    cluster.add_argument("--queue", help="Slurm's partition, or the queue of PBS")
    cluster.add_argument("--account", help="who pays")
    cluster.add_argument("--walltime", default="01:00:00", help="of each worker [default: 01:00:00]")
    cluster.add_argument("--image", default="ghcr.io/dask/dask:2026.8.0",
                         help="container with Dask and systole, for Kubernetes")
    cluster.add_argument("--claim", default="systole",
                         help="volume claim that is this folder, for Kubernetes [default: systole]")
    parser.add_argument("--quiet", action="store_true", help="no progress on standard error")
    return parser.parse_args()


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or above")
    return number


def number_of_points(plan: str) -> int:
    """As the plan's heading has it; systole checks the rest."""
    try:
        with open(plan, encoding="utf-8") as lines:
            points = json.loads(next(lines, ""))["points"]
    except OSError as error:
        raise Failure(RUNTIME, f"{plan}: {error.strerror}") from None
    except (ValueError, TypeError, KeyError):
        raise Failure(USAGE, f"{plan}: this is no plan of a sweep; write one with `systole plan`") from None
    return int(points)


def extra(module: str):
    """A module that only some clusters need."""
    try:
        return __import__(module, fromlist=["*"])
    except ImportError:
        name = module.split(".")[0]
        what = f"{EXTRAS[name]} needs {name.replace('_', '-')}"
        raise Failure(RUNTIME, f"{what}: install it as scripts/requirements-dask.txt says") from None


@contextmanager
def cluster(args: argparse.Namespace) -> Iterator[object]:
    """What a client connects to. Workers that are begun here end here, however that comes about."""
    import distributed

    if args.scheduler:
        yield args.scheduler
        return
    if args.ssh_hosts:
        extra("asyncssh")
        with open(args.ssh_hosts, encoding="utf-8") as lines:
            hosts = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        if not hosts:
            raise Failure(USAGE, f"{args.ssh_hosts}: it names no host")
        # The first host of the list is the scheduler's; it works, too.
        options = {"n_workers": args.workers or 1, "nthreads": 1}
        made = distributed.SSHCluster([hosts[0], *hosts], worker_options=options)
    elif args.on in ("slurm", "pbs"):
        jobqueue = extra("dask_jobqueue")
        kind = jobqueue.SLURMCluster if args.on == "slurm" else jobqueue.PBSCluster
        made = kind(cores=1, processes=1, memory=args.memory, queue=args.queue, account=args.account,
                    walltime=args.walltime)
        made.scale(jobs=args.workers or 1)
    elif args.on == "kubernetes":
        operator = extra("dask_kubernetes.operator")
        spec = operator.make_cluster_spec(name=f"systole-{uuid.uuid4().hex[:8]}", image=args.image,
                                          n_workers=args.workers or 1,
                                          resources={"requests": {"memory": args.memory.removesuffix("B")}})
        # Workers find the current folder where it is here.
        pod = spec["spec"]["worker"]["spec"]
        pod["volumes"] = [{"name": "shared", "persistentVolumeClaim": {"claimName": args.claim}}]
        pod["containers"][0]["volumeMounts"] = [{"name": "shared", "mountPath": os.getcwd()}]
        made = operator.KubeCluster(custom_cluster_spec=spec)
    else:
        # A worker itself takes next to nothing: what takes memory is the process that it begins.
        made = distributed.LocalCluster(n_workers=args.workers or cores(), threads_per_worker=1, processes=True,
                                        memory_limit=0, dashboard_address=None)
    try:
        yield made
    finally:
        made.close()


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_point(command: list[str], folder: str, stop: str) -> Ended:
    """On a worker: runs one point. An error makes Dask run it again, on whichever worker is free."""
    import ctypes
    import signal
    import subprocess
    import sys
    import tempfile

    import distributed

    prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None

    def end_with_worker() -> None:
        if prctl:
            prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG

    stopping = distributed.Event(stop)
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=said, preexec_fn=end_with_worker)
        while process.poll() is None:
            try:
                process.wait(timeout=2)
            except subprocess.TimeoutExpired:
                if stopping.is_set():
                    process.terminate()
        said.seek(0)
        ended = Ended(process.returncode, said.read().decode(errors="replace").strip())
    if ended.code != 0 and ended.code not in FINAL:
        raise RuntimeError(ended.said or f"systole ended with {ended.code}")
    return ended


class Progress:
    """A line on a terminal, one every ten seconds elsewhere."""

    def __init__(self, total: int, quiet: bool):
        self.total, self.quiet, self.begun = total, quiet, time.monotonic()
        self.terminal = sys.stderr.isatty()
        self.last = self.begun if not self.terminal else 0.0

    def show(self, done: int) -> None:
        now = time.monotonic()
        if self.quiet or (now - self.last < (0.2 if self.terminal else 10) and done < self.total):
            return
        self.last = now
        left = (now - self.begun) / max(done, 1) * (self.total - done)
        line = f"{done} of {self.total} points, about {left:.0f} s left"
        print(f"\r{line}  " if self.terminal else line, end="" if self.terminal else "\n", file=sys.stderr, flush=True)
        if self.terminal and done == self.total:
            print(file=sys.stderr)


def run_points(args: argparse.Namespace, where: object, points: int) -> None:
    """Has every point there, or fails with what the first that has no outcome said."""
    import distributed

    base = [args.systole, "point", "--plan", args.plan, "--out", args.out, "--threads", "1", "--quiet", "--id"]
    commands = [[*base, str(number)] for number in range(points)]
    with distributed.Client(where) as client:
        stop = f"systole-stop-{uuid.uuid4()}"
        stopping = distributed.Event(stop, client=client)
        progress, done = Progress(points, args.quiet), 0
        futures = client.map(run_point, commands, folder=os.getcwd(), stop=stop, retries=args.retries, pure=False)
        number = {future.key: number for number, future in enumerate(futures)}
        try:
            for future in distributed.as_completed(futures):
                if future.status != "finished":
                    raise Failure(RUNTIME, f"point {number[future.key]}: {future.exception()}")
                ended = future.result()
                future.release()
                if ended.code != 0:
                    raise Failure(ended.code, f"point {number[future.key]}: {ended.said}")
                done += 1
                progress.show(done)
        except BaseException:
            # Workers that are not ours would else go on with what nobody wants.
            stopping.set()
            client.cancel(futures, force=True)
            raise


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def sweep(args: argparse.Namespace) -> int:
    points = number_of_points(args.plan)
    program = shutil.which(args.systole)
    if program is None:
        raise Failure(RUNTIME, f"{args.systole}: there is no such program; say where with --systole")
    local = not (args.scheduler or args.ssh_hosts or args.on)
    args.systole = os.path.abspath(program) if local else args.systole
    # Dask's own words on workers that come and go; whoever wants them sets this. Workers inherit it.
    os.environ.setdefault("DASK_LOGGING__DISTRIBUTED", "critical")
    try:
        import dask
        import distributed  # noqa: F401
    except ImportError:
        raise Failure(RUNTIME, "this needs Dask: pip install -r scripts/requirements-dask.txt") from None
    # What loses its worker is run again as often as what fails.
    dask.config.set({"distributed.scheduler.allowed-failures": args.retries})
    with cluster(args) as where:
        run_points(args, where, points)
    return subprocess.run([program, "merge", args.out, "--plan", args.plan], check=False).returncode


def main() -> int:
    args = arguments()
    signal.signal(signal.SIGTERM, interrupted)
    try:
        return sweep(args)
    except Failure as failure:
        print(f"sweep_dask: {failure}", file=sys.stderr)
        return failure.code
    except OSError as error:
        # A file that cannot be read, or a scheduler that does not answer.
        print(f"sweep_dask: {error}", file=sys.stderr)
        return RUNTIME
    except KeyboardInterrupt:
        print("sweep_dask: interrupted; finished points are kept, and the same command goes on", file=sys.stderr)
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
