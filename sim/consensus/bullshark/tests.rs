//! Rules one by one, on literal DAGs.
