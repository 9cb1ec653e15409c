//! The committer over DAGs as literals.
