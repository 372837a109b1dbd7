//! Versioned names, and their compatibility.

use std::collections::BTreeMap;

use semver::Version;

/// A map by names such as `wasi:io/streams@0.2.6` that also finds compatible versions.
///
/// An exact match comes first. Otherwise versions match as Cargo's caret requirements do, in both
/// directions: the highest version defined on the same track is taken, whether it is newer or older
/// than the requested one. Each major version from 1 on is a track, and so is each minor version of
/// 0; `0.0.x` and pre-releases match exactly only.
///
/// # Examples
///
/// ```
/// let mut names = component_model::NameMap::new();
/// names.insert("wasi:io/streams@0.2.6", 1);
/// assert_eq!(names.find("wasi:io/streams@0.2.12"), Some(&1));
/// assert_eq!(names.find("wasi:io/streams@0.3.0"), None);
/// ```
#[derive(Debug, Clone)]
pub struct NameMap<V> {
    exact: BTreeMap<String, V>,
    tracks: BTreeMap<String, (Version, String)>,
}

impl<V> Default for NameMap<V> {
    fn default() -> Self {
        Self {
            exact: BTreeMap::new(),
            tracks: BTreeMap::new(),
        }
    }
}

impl<V> NameMap<V> {
    /// Makes an empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// Defines a name. Returns the previous definition of exactly this name.
    pub fn insert(&mut self, name: impl Into<String>, value: V) -> Option<V> {
        let name = name.into();
        self.track(&name);
        self.exact.insert(name, value)
    }

    /// Returns the definition of exactly this name. Adds one if there is none.
    pub fn find_or_insert_with(&mut self, name: &str, value: impl FnOnce() -> V) -> &mut V {
        self.track(name);
        self.exact.entry(name.to_owned()).or_insert_with(value)
    }

    fn track(&mut self, name: &str) {
        if let Some((track, version)) = track(name) {
            let best = self
                .tracks
                .entry(track.to_owned())
                .or_insert_with(|| (version.clone(), name.to_owned()));
            if version >= best.0 {
                *best = (version, name.to_owned());
            }
        }
    }

    /// Returns whether exactly this name is defined.
    pub fn contains(&self, name: &str) -> bool {
        self.exact.contains_key(name)
    }

    /// Returns the definition of this name or, failing that, of its highest compatible version.
    pub fn find(&self, name: &str) -> Option<&V> {
        if let Some(value) = self.exact.get(name) {
            return Some(value);
        }
        let (track, _) = track(name)?;
        let (_, best) = self.tracks.get(track)?;
        self.exact.get(best)
    }

    /// Iterates over names and values, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &V)> {
        self.exact
            .iter()
            .map(|(name, value)| (name.as_str(), value))
    }
}

/// Splits `a:b/c@1.2.3` into its track, `a:b/c@1`, and its version. Returns `None` if only the
/// exact name is compatible.
fn track(name: &str) -> Option<(&str, Version)> {
    let (base, version_text) = name.split_once('@')?;
    let version = Version::parse(version_text).ok()?;
    if !version.pre.is_empty() {
        return None;
    }
    let components = match (version.major, version.minor) {
        (0, 0) => return None,
        (0, _) => 2,
        _ => 1,
    };
    let kept: usize = version_text.split('.').take(components).map(str::len).sum();
    // Adds the dots between the components kept, and the `@`.
    let end = base.len().checked_add(kept)?.checked_add(components)?;
    Some((name.get(..end)?, version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tracks_follow_semantic_versioning() {
        for (name, expected) in [
            ("x", None),
            ("x:y/z", None),
            ("x:y/z@1.0.0", Some("x:y/z@1")),
            ("x:y/z@12.1.2", Some("x:y/z@12")),
            ("x:y/z@2.1.2+abc", Some("x:y/z@2")),
            ("x:y/z@0.1.2", Some("x:y/z@0.1")),
            ("x:y/z@0.12.3+abc", Some("x:y/z@0.12")),
            ("x:y/z@0.0.1", None),
            ("x:y/z@0.1.0-rc.2", None),
            ("x:y/z@1.0.0-pre", None),
            ("x:y/z@1.0", None),
            ("x:y/z@", None),
        ] {
            assert_eq!(track(name).map(|(track, _)| track), expected, "{name}");
        }
    }

    #[test]
    fn the_exact_name_comes_before_the_highest_compatible_one() {
        let mut names = NameMap::new();
        for (name, value) in [
            ("a:b/c@1.0.1", 1),
            ("a:b/c@1.2.0", 2),
            ("a:b/c@1.0.0", 0),
            ("a:b/c@2.0.0", 9),
        ] {
            assert_eq!(names.insert(name, value), None);
        }
        assert_eq!(names.find("a:b/c@1.0.0"), Some(&0));
        assert_eq!(names.find("a:b/c@1.0.1"), Some(&1));
        assert_eq!(names.find("a:b/c@1.0.2"), Some(&2));
        assert_eq!(names.find("a:b/c@1.9.9"), Some(&2));
        assert_eq!(names.find("a:b/c@2.7.0"), Some(&9));
        assert_eq!(names.find("a:b/c@3.0.0"), None);
        assert_eq!(names.find("a:b/d@1.0.0"), None);
    }

    #[test]
    fn redefining_a_name_replaces_it() {
        let mut names = NameMap::new();
        names.insert("a:b/c@0.2.0", 1);
        assert_eq!(names.insert("a:b/c@0.2.0", 2), Some(1));
        assert_eq!(names.find("a:b/c@0.2.9"), Some(&2));
    }
}
