#!/bin/bash
# 8 points, as many at a time as there are cores, while memory is left; then their table. On other machines, too:
#   PARALLEL='--sshloginfile hosts --workdir .' bash THIS_FILE
set -euo pipefail
cd -- '/shared/it'\''s $HOME'
SYSTOLE="${SYSTOLE:-systole}"
seq 0 7 | parallel --quote --memfree 50M --halt soon,fail=1 -I POINT_NUMBER \
    "$SYSTOLE" point --plan plan.jsonl --id POINT_NUMBER --out 'results/my designs' --threads 1 --quiet
exec "$SYSTOLE" merge 'results/my designs' --plan plan.jsonl
