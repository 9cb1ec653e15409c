//! The stream against its plan.
