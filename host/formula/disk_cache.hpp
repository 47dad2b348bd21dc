#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// Compiled code on disk, one file for each key. Whatever is wrong with a directory or a file, the outcome is no cache,
// never an error.
//
// A file is found by a hash of its key and holds the key in full, so that nothing depends on hashes being different; a
// checksum over all of it shows damage. That is no defence against people: who can write this user's files can do
// anything that the user can. Of files, only those that nobody else can have written are read: regular, the user's own,
// in a directory of the user's own that is no link and stands in another of the user's own, none writable by others.
// Files of other names than the cache's own are never touched.

namespace nabla::formula {

/// $XDG_CACHE_HOME/nabla/kernels, or ~/.cache/nabla/kernels; empty where neither is an absolute path, and with
/// NABLA_CACHE=off in the environment. Programs that run with more rights than their caller's have none.
std::string cache_directory();

/// What was stored under this key, unless it is damaged or could be somebody else's.
std::optional<std::string> load_cached(const std::string& directory, std::string_view key);

/// Stores under this key, in place of what was there. Files appear complete or not at all, readable by the user alone.
/// Where the directory's files exceed `most_bytes`, those that were not used for longest go.
void store_cached(const std::string& directory, std::string_view key, std::string_view content,
                  std::int64_t most_bytes = std::int64_t{256} << 20);

}  // namespace nabla::formula
