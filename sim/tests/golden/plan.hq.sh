#!/bin/bash
# 8 points as one task array of HyperQueue, which must have a server and workers; then their table.
set -eu
cd -- '/shared/it'\''s $HOME'
export SYSTOLE="${SYSTOLE:-systole}"
hq submit --name systole-regional --array 0-7 --cpus 1 --stdout none --env SYSTOLE="$SYSTOLE" --wait -- \
    bash -c '"$SYSTOLE" point --plan "$0" --id "$HQ_TASK_ID" --out "$1" --threads 1 --quiet' plan.jsonl 'results/my designs'
exec "$SYSTOLE" merge 'results/my designs' --plan plan.jsonl
