//! Job files: how other engines run every point of a plan, one file for each.
//!
//! All do the same: `systole point` for each number of the plan, in any order, and `systole merge` when all are there.
//! Points are run where the plan was made, in its folder, which the machines share; `systole` is the one on their path
//! or the one that `SYSTOLE` names. A point that fails can be run again, and one that is there is not computed twice.

use std::path::{Path, PathBuf};

use thiserror::Error;

use super::plan::Plan;

/// Tasks of one array of Slurm: `MaxArraySize` is 1,001 unless a site says otherwise, and counts from 0.
const SLURM_TASKS: usize = 1_000;
/// Pods of a Kubernetes job that run at a time, at most.
const K8S_PARALLELISM: usize = 100;

/// Who runs the points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobEngine {
    /// Slurm: an array for `sbatch`.
    Slurm,
    /// Kubernetes: an Indexed Job for `kubectl`.
    K8s,
    /// HyperQueue: a task array.
    Hq,
    /// GNU parallel, on this machine or over ssh.
    Parallel,
}

/// Why there is no job file.
#[derive(Debug, Error)]
pub enum JobError {
    /// A path cannot be quoted.
    #[error("`{}` has bytes that no job file can quote: line breaks, or what is no UTF-8; rename it", .0.display())]
    Unquotable(PathBuf),
}

/// Where a plan is run.
#[derive(Clone, Debug)]
pub struct JobPlace<'a> {
    /// The folder that everything else is relative to, absolute.
    pub folder: &'a Path,
    /// The plan.
    pub plan: &'a Path,
    /// The sweep's folder.
    pub out: &'a Path,
}

impl JobEngine {
    /// All of them, by the name that they are asked for.
    pub const ALL: [(&'static str, JobEngine); 4] = [
        ("slurm", JobEngine::Slurm),
        ("k8s", JobEngine::K8s),
        ("hq", JobEngine::Hq),
        ("parallel", JobEngine::Parallel),
    ];

    /// The job file's name ends so, in place of the plan's `.jsonl`.
    pub fn suffix(self) -> &'static str {
        match self {
            JobEngine::Slurm => "slurm",
            JobEngine::K8s => "k8s.yaml",
            JobEngine::Hq => "hq.sh",
            JobEngine::Parallel => "parallel.sh",
        }
    }

    /// What is typed to run the job file called `file`, and then to make the table.
    pub fn next(self, file: &Path, place: &JobPlace<'_>) -> Result<Vec<String>, JobError> {
        let (file, merge) = (shell(file)?, Words::new(place)?.merge());
        Ok(match self {
            JobEngine::Slurm => vec![format!("sbatch {file}"), merge],
            JobEngine::K8s => vec![format!("kubectl create -f {file}"), merge],
            JobEngine::Hq | JobEngine::Parallel => vec![format!("bash {file}")],
        })
    }

    /// The job file of a plan.
    pub fn job_file(self, plan: &Plan, place: &JobPlace<'_>) -> Result<String, JobError> {
        let words = Words::new(place)?;
        let megabytes = plan.points.iter().map(|point| point.memory_bytes()).max().unwrap_or(0).div_ceil(1_000_000);
        // A plan has a point, whose scenario's name was validated.
        let (points, name) = (plan.points.len(), plan.points[0].scenario.file.name.as_str());
        Ok(match self {
            JobEngine::Slurm => slurm(name, points, megabytes, &words),
            JobEngine::K8s => kubernetes(name, points, megabytes, place)?,
            JobEngine::Hq => hyper_queue(name, points, &words),
            JobEngine::Parallel => parallel(points, megabytes, &words),
        })
    }
}

/// Paths as a shell reads them.
struct Words {
    folder: String,
    plan: String,
    out: String,
}

impl Words {
    fn new(place: &JobPlace<'_>) -> Result<Words, JobError> {
        Ok(Words { folder: shell(place.folder)?, plan: shell(place.plan)?, out: shell(place.out)? })
    }

    fn merge(&self) -> String {
        format!("systole merge {} --plan {}", self.out, self.plan)
    }
}

fn text(path: &Path) -> Result<&str, JobError> {
    let text = path.to_str().filter(|text| !text.chars().any(char::is_control));
    text.ok_or_else(|| JobError::Unquotable(path.into()))
}

/// A path as one word of a shell, and as no option of a program.
fn shell(path: &Path) -> Result<String, JobError> {
    let text = text(path)?;
    let text = if text.starts_with('-') { format!("./{text}") } else { text.to_string() };
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./+:@%".contains(c);
    let quoted = text.is_empty() || !text.chars().all(plain);
    Ok(if quoted { format!("'{}'", text.replace('\'', r"'\''")) } else { text })
}

/// A path as a string of YAML, whose double-quoted strings are those of JSON.
fn yaml(text: &str) -> String {
    serde_json::to_string(text).expect("a string is JSON")
}

fn slurm(name: &str, points: usize, megabytes: u64, words: &Words) -> String {
    let Words { folder, plan, out } = words;
    let (tasks, merge) = (points.min(SLURM_TASKS), words.merge());
    let last = tasks - 1;
    format!(
        r#"#!/bin/bash
# {points} points as an array of {tasks} tasks; sbatch refuses arrays above the site's MaxArraySize (1,001 unless it says
# otherwise), so task I runs the points I, I + {tasks}, I + 2 x {tasks} and so on. Add your --partition, --account and --time;
# --mem is an estimate, and a scenario with a surge may take more.
# When all tasks have ended, in {folder}:
#   {merge}
#SBATCH --job-name=systole-{name}
#SBATCH --array=0-{last}
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --mem={megabytes}M
#SBATCH --output=systole-%A.log
#SBATCH --open-mode=append
set -u
cd -- {folder} || exit
status=0
for ((point = SLURM_ARRAY_TASK_ID; point < {points}; point += {tasks})); do
    "${{SYSTOLE:-systole}}" point --plan {plan} --id "$point" --out {out} --threads 1 --quiet || status=$?
done
exit "$status"
"#
    )
}

fn hyper_queue(name: &str, points: usize, words: &Words) -> String {
    let Words { folder, plan, out } = words;
    let (last, merge) = (points - 1, words.merge());
    format!(
        r#"#!/bin/bash
# {points} points as one task array of HyperQueue, which must have a server and workers; then their table.
set -eu
cd -- {folder}
export SYSTOLE="${{SYSTOLE:-systole}}"
hq submit --name systole-{name} --array 0-{last} --cpus 1 --stdout none --env SYSTOLE="$SYSTOLE" --wait -- \
    bash -c '"$SYSTOLE" point --plan "$0" --id "$HQ_TASK_ID" --out "$1" --threads 1 --quiet' {plan} {out}
exec "$SYSTOLE"{}
"#,
        merge.strip_prefix("systole").unwrap_or_default()
    )
}

fn parallel(points: usize, megabytes: u64, words: &Words) -> String {
    let Words { folder, plan, out } = words;
    let (last, merge) = (points - 1, words.merge());
    format!(
        r#"#!/bin/bash
# {points} points, as many at a time as there are cores, while memory is left; then their table. On other machines, too:
#   PARALLEL='--sshloginfile hosts --workdir .' bash THIS_FILE
set -euo pipefail
cd -- {folder}
SYSTOLE="${{SYSTOLE:-systole}}"
seq 0 {last} | parallel --quote --memfree {megabytes}M --halt soon,fail=1 -I POINT_NUMBER \
    "$SYSTOLE" point --plan {plan} --id POINT_NUMBER --out {out} --threads 1 --quiet
exec "$SYSTOLE"{}
"#,
        merge.strip_prefix("systole").unwrap_or_default()
    )
}

fn kubernetes(name: &str, points: usize, megabytes: u64, place: &JobPlace<'_>) -> Result<String, JobError> {
    // Names of Kubernetes are small letters, digits and hyphens.
    let name = name.to_lowercase().replace('_', "-");
    // `$(NAME)` would be replaced by a variable.
    let word = |path: &Path| text(path).map(|text| yaml(&text.replace('$', "$$")));
    let (plan, out) = (word(place.plan)?, word(place.out)?);
    let mounted = yaml(text(place.folder)?);
    let (version, merge) = (env!("CARGO_PKG_VERSION"), Words::new(place)?.merge());
    let parallelism = points.min(K8S_PARALLELISM);
    Ok(format!(
        r#"# {points} points as an Indexed Job. It needs an image that has systole, and a volume that all pods may write to,
# mounted where this folder is: change both to yours. When the job is complete, in that folder:
#   {merge}
apiVersion: batch/v1
kind: Job
metadata:
  generateName: "systole-{name}-"
spec:
  completionMode: Indexed
  completions: {points}
  parallelism: {parallelism}
  backoffLimitPerIndex: 3
  podFailurePolicy:
    rules:
      # A pod that is taken away has not failed.
      - action: Ignore
        onPodConditions:
          - type: DisruptionTarget
      # A bad plan or a broken rule would only be told again.
      - action: FailIndex
        onExitCodes:
          containerName: point
          operator: In
          values: [2, 5]
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: point
          image: "systole:{version}"
          workingDir: {mounted}
          command:
            - "systole"
            - "point"
            - "--plan"
            - {plan}
            - "--id"
            - "$(JOB_COMPLETION_INDEX)"
            - "--out"
            - {out}
            - "--threads"
            - "1"
            - "--quiet"
          resources:
            # An estimate: a scenario with a surge may take more.
            requests: {{cpu: "1", memory: "{megabytes}M"}}
          volumeMounts:
            - name: shared
              mountPath: {mounted}
      volumes:
        - name: shared
          persistentVolumeClaim:
            claimName: systole
"#
    ))
}
