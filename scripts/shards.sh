#!/bin/sh
# Saturation points of the world under shards: against the share of transactions that concern two of them, and against
# the number of shards. A weight of 100 makes a point take seconds. Usage: scripts/shards.sh [FOLDER]
set -eu
out=${1:-results}
point() {
    label=$1
    shift
    echo "$label: $(cargo run --quiet --release -- limit workloads/global.toml --quiet --json --out "$out" \
        --set consensus.protocol=sharded --set crypto.execution=modelled --set run.weight=100 \
        --set limit.from_tps=160000 --set limit.precision_percent=10 \
        --set limit.warm_up_s=3 --set limit.window_s=5 "$@" | grep -E '"(lower_tps|upper_tps|binding_resource)"' | tr -d '\n')"
}
for percent in 0 5 20 50 100; do
    point "$percent % across shards" --set "protocol.sharded.cross_percent=$percent"
done
for shards in 1 2 4 12; do
    point "$shards shards" --set protocol.sharded.cross_percent=5 --set "protocol.sharded.shards=$shards"
done
