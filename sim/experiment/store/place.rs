//! Putting files and folders in their place whole.
//!
//! Each is written beside its place under a name that nobody else has, on no host that shares the folder, synced, and
//! renamed. What a killed process leaves is called `.<name>.<random>`; [`sweep_up`] deletes it.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use tempfile::{Builder, NamedTempFile};

use super::StoreError;

/// Random letters and digits of a temporary name.
const RANDOM_LETTERS: usize = 12;
/// How often a folder's place is fought for: each time that it is lost, somebody else has put a whole result there.
const MOST_ATTEMPTS: usize = 1_000;

/// Whose folder has the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::experiment) enum Placed {
    /// Ours.
    Ours,
    /// One that was there, and that is as good.
    Theirs,
}

pub(in crate::experiment) fn io_at(path: &Path) -> impl Fn(io::Error) -> StoreError {
    let path = path.to_path_buf();
    move |source| StoreError::Io { path: path.clone(), source }
}

/// The folder that a file is in.
pub(in crate::experiment) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes what nobody else has, beside `name`; deleted where it is not put in its place.
pub(in crate::experiment) fn beside<R>(
    folder: &Path,
    name: &str,
    make: impl FnMut(&Path) -> io::Result<R>,
) -> Result<NamedTempFile<R>, StoreError> {
    let prefix = format!(".{name}.");
    let made = Builder::new().prefix(&prefix).rand_bytes(RANDOM_LETTERS).make_in(folder, make);
    made.map_err(io_at(&folder.join(name)))
}

/// Has `fill` write files into `<parent>/<name>`, all or none. A folder that is there is replaced, unless it `stays`.
pub(in crate::experiment) fn place(
    parent: &Path,
    name: &str,
    fill: impl FnOnce(&Path) -> Result<(), StoreError>,
    stays: impl Fn(&Path) -> bool,
) -> Result<Placed, StoreError> {
    let target = parent.join(name);
    fs::create_dir_all(parent).map_err(io_at(parent))?;
    let made = beside(parent, name, |path| fs::create_dir(path))?;
    let temporary = made.into_temp_path().keep().map_err(|kept| io_at(&target)(kept.error))?;
    let result = fill(&temporary).and_then(|()| settle(&temporary, &target, stays));
    if !matches!(result, Ok(Placed::Ours)) {
        // The first error is the one to tell; what it left behind is no result.
        drop(fs::remove_dir_all(&temporary));
    }
    result
}

/// Puts `temporary` in the place of `target`, which others may be doing at the same time: an old result is moved aside
/// first and deleted last.
fn settle(temporary: &Path, target: &Path, stays: impl Fn(&Path) -> bool) -> Result<Placed, StoreError> {
    // As unique as the temporary name is, and swept up as that is.
    let mut aside = temporary.as_os_str().to_os_string();
    aside.push("-old");
    let aside = Path::new(&aside);
    for _ in 0..MOST_ATTEMPTS {
        match fs::rename(temporary, target) {
            Ok(()) => {
                remove(aside).map_err(io_at(aside))?;
                return Ok(Placed::Ours);
            }
            Err(error) if is_taken(&error) => {}
            Err(error) => {
                // Better an old result than none.
                drop(fs::rename(aside, target));
                return Err(io_at(target)(error));
            }
        }
        remove(aside).map_err(io_at(aside))?;
        if stays(target) {
            return Ok(Placed::Theirs);
        }
        match fs::rename(target, aside) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(io_at(target)(error)),
            _ => {}
        }
    }
    Err(io_at(target)(io::Error::other("others write this again and again")))
}

fn is_taken(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists | ErrorKind::NotADirectory)
}

/// Deletes a file or folder, if it is there.
fn remove(path: &Path) -> io::Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Writes a file whole or not at all; one that has these bytes is left alone.
pub fn place_file(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
    let target = folder.join(name);
    if fs::read(&target).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    written(folder, name, bytes)?.persist(&target).map_err(|lost| io_at(&target)(lost.error))?;
    Ok(())
}

/// Writes a file whole or not at all, into a folder that is there. What is no plain file, such as a pipe, is written to.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let folder = folder_of(path);
    let special = fs::symlink_metadata(path).is_ok_and(|there| !there.is_file());
    match path.file_name().and_then(|name| name.to_str()) {
        Some(name) if folder.is_dir() && !special => place_file(folder, name, bytes),
        _ => fs::write(path, bytes).map_err(io_at(path)),
    }
}

/// Writes a file whole where there is none; who is second leaves the first one's alone.
pub(in crate::experiment) fn place_new_file(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
    let target = folder.join(name);
    match written(folder, name, bytes)?.persist_noclobber(&target) {
        Err(lost) if lost.error.kind() != ErrorKind::AlreadyExists => Err(io_at(&target)(lost.error)),
        _ => Ok(()),
    }
}

/// A file beside its place, with all its bytes.
fn written(folder: &Path, name: &str, bytes: &[u8]) -> Result<NamedTempFile<File>, StoreError> {
    fs::create_dir_all(folder).map_err(io_at(folder))?;
    let mut made = beside(folder, name, |path| File::create_new(path))?;
    let file = made.as_file_mut();
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(io_at(&folder.join(name)))?;
    Ok(made)
}

/// Writes files into a folder.
pub(in crate::experiment) fn write_all(folder: &Path, files: &[(String, Vec<u8>)]) -> Result<(), StoreError> {
    for (name, bytes) in files {
        let path = folder.join(name);
        let mut file = File::create(&path).map_err(io_at(&path))?;
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(io_at(&path))?;
    }
    Ok(())
}

/// Deletes what killed processes left of files and folders called `names` in `folder`. Where nothing may be deleted, it
/// stays: nothing reads it.
pub(in crate::experiment) fn sweep_up(folder: &Path, names: &BTreeSet<&str>) -> Result<(), StoreError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(io_at(folder))?,
    };
    for entry in entries {
        let path = entry.map_err(io_at(folder))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_prefix('.'));
        let Some((name, _)) = name.and_then(|name| name.rsplit_once('.')) else { continue };
        if names.contains(name) {
            match remove(&path) {
                Err(error) if is_forbidden(&error) => {}
                removed => removed.map_err(io_at(&path))?,
            }
        }
    }
    Ok(())
}

fn is_forbidden(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("it is a folder");
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("it is readable").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    fn fill(folder: &Path) -> Result<(), StoreError> {
        write_all(folder, &[("a".into(), b"1".to_vec()), ("b".into(), b"2".to_vec())])
    }

    #[test]
    fn many_at_once_leave_one_whole_folder_whoever_wins() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let whole = |folder: &Path| fs::read(folder.join("b")).is_ok_and(|bytes| bytes == b"2");
        for stays in [true, false] {
            let ours = AtomicUsize::new(0);
            thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| {
                        for _ in 0..10 {
                            let placed = place(root.path(), "point", fill, |folder| stays && whole(folder));
                            let placed = placed.unwrap_or_else(|error| panic!("{error}"));
                            ours.fetch_add(usize::from(placed == Placed::Ours), Ordering::Relaxed);
                        }
                    });
                }
            });
            assert_eq!(ours.into_inner(), if stays { 1 } else { 80 });
            assert_eq!(names(root.path()), ["point"]);
            assert!(whole(&root.path().join("point")));
        }
    }

    #[test]
    fn what_is_in_the_way_is_replaced_whatever_it_is() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let target = root.path().join("point");
        fs::write(&target, "a file").expect("it can be written");
        assert!(matches!(place(root.path(), "point", fill, |_| false), Ok(Placed::Ours)));
        assert_eq!(names(&target), ["a", "b"]);
        let full = |folder: &Path| Err(io_at(folder)(io::Error::other("no space")));
        place(root.path(), "point", full, |_| false).expect_err("it cannot be filled");
        assert_eq!((names(root.path()), names(&target)), (vec!["point".to_string()], vec!["a".into(), "b".into()]));
    }

    #[test]
    fn what_was_left_is_swept_up_and_nothing_else() {
        let root = tempfile::tempdir().expect("a temporary folder");
        for name in [".point.Xy12", ".point.Xy12-old", ".other.Xy12", "point.Xy12"] {
            fs::create_dir(root.path().join(name)).expect("it can be made");
        }
        sweep_up(root.path(), &BTreeSet::from(["point"])).expect("it can be swept");
        assert_eq!(names(root.path()), [".other.Xy12", "point.Xy12"]);
    }
}
