// The cache of compiled code: what it keeps, and all that it must not trust. It needs no device.

#include "../host/formula/disk_cache.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace {

using nabla::formula::cache_directory;
using nabla::formula::load_cached;
using nabla::formula::store_cached;
namespace fs = std::filesystem;

class DiskCache : public testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(root_);
    fs::create_directory(root_);
  }
  void TearDown() override {
    fs::permissions(root_, fs::perms::owner_all, fs::perm_options::add);
    if (fs::exists(directory_)) fs::permissions(directory_, fs::perms::owner_all, fs::perm_options::add);
    fs::remove_all(root_);
  }

  std::vector<fs::path> files() const {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(directory_)) found.push_back(entry.path());
    return found;
  }
  /// Stores, and says where.
  fs::path stored(const std::string& key, const std::string& content) const {
    store_cached(directory_, key, content);
    const auto all = files();
    EXPECT_EQ(all.size(), 1u);
    return all.empty() ? fs::path() : all[0];
  }
  std::string load(const std::string& key) const { return load_cached(directory_, key).value_or("nothing"); }

  const fs::path root_ = fs::temp_directory_path() / ("nabla-disk-cache-" + std::to_string(getpid()));
  const fs::path directory_ = root_ / "a/b/kernels";
};

std::string bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
void write_bytes(const fs::path& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

int permissions_of(const fs::path& path) {
  struct stat status {};
  EXPECT_EQ(lstat(path.c_str(), &status), 0);
  return static_cast<int>(status.st_mode & 07777);
}

TEST_F(DiskCache, KeepsWhatItIsGiven) {
  EXPECT_EQ(load("key"), "nothing");
  const std::string content("ptx\0with a null", 15);
  const fs::path file = stored("key", content);
  EXPECT_EQ(load("key"), content);
  EXPECT_EQ(load("another key"), "nothing");
  EXPECT_EQ(permissions_of(file), 0600);
  for (const fs::path& made : {directory_, directory_.parent_path(), directory_.parent_path().parent_path()}) {
    EXPECT_EQ(permissions_of(made), 0700);
  }
  store_cached(directory_, "key", "new");
  EXPECT_EQ(load("key"), "new");
  store_cached(directory_, "empty", "");
  EXPECT_EQ(load("empty"), "");
  EXPECT_EQ(files().size(), 2u);  // no temporary file is left
}

TEST_F(DiskCache, SeesEveryDamagedByteAndEveryTruncation) {
  const fs::path file = stored("key", "some content");
  const std::string whole = bytes_of(file);
  for (std::size_t k = 0; k < whole.size(); ++k) {
    std::string damaged = whole;
    damaged[k] = static_cast<char>(damaged[k] ^ 1);
    write_bytes(file, damaged);
    EXPECT_EQ(load("key"), "nothing") << "byte " << k;
    write_bytes(file, whole.substr(0, k));
    EXPECT_EQ(load("key"), "nothing") << "first " << k << " bytes";
  }
  write_bytes(file, whole + "x");
  EXPECT_EQ(load("key"), "nothing");
  write_bytes(file, whole);
  EXPECT_EQ(load("key"), "some content");
  write_bytes(file, "");
  store_cached(directory_, "key", "some content");  // replaces the damaged file
  EXPECT_EQ(load("key"), "some content");
}

TEST_F(DiskCache, TakesNoFileForAnotherKeys) {
  const fs::path file = stored("key 1", "content");
  const std::string of_key = bytes_of(file);
  fs::remove(file);
  const fs::path other = stored("key 2", "other content");
  write_bytes(other, of_key);  // whole, but under a name that is not its key's
  EXPECT_EQ(load("key 2"), "nothing");
}

TEST_F(DiskCache, TakesNoFileThatOthersCouldHaveWritten) {
  const fs::path file = stored("key", "content");
  for (const fs::perms writable : {fs::perms::group_write, fs::perms::others_write}) {
    fs::permissions(file, writable, fs::perm_options::add);
    EXPECT_EQ(load("key"), "nothing");
    fs::permissions(file, writable, fs::perm_options::remove);
    EXPECT_EQ(load("key"), "content");
    fs::permissions(directory_, writable, fs::perm_options::add);
    EXPECT_EQ(load("key"), "nothing");
    store_cached(directory_, "second key", "content");
    EXPECT_EQ(files().size(), 1u);
    fs::permissions(directory_, writable, fs::perm_options::remove);
    fs::permissions(directory_.parent_path(), writable, fs::perm_options::add);
    EXPECT_EQ(load("key"), "nothing");
    store_cached(directory_, "second key", "content");
    EXPECT_EQ(files().size(), 1u);
    fs::permissions(directory_.parent_path(), writable, fs::perm_options::remove);
    EXPECT_EQ(load("key"), "content");
  }
  if (geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  constexpr uid_t somebody = 12345;
  ASSERT_EQ(chown(file.c_str(), somebody, static_cast<gid_t>(-1)), 0);
  EXPECT_EQ(load("key"), "nothing");
  store_cached(directory_, "key", "mine again");
  EXPECT_EQ(load("key"), "mine again");
  ASSERT_EQ(chown(directory_.c_str(), somebody, static_cast<gid_t>(-1)), 0);
  EXPECT_EQ(load("key"), "nothing");
}

TEST_F(DiskCache, FollowsNoLinksAndWaitsForNoPipes) {
  const fs::path file = stored("key", "content"), elsewhere = root_ / "elsewhere";
  fs::rename(file, elsewhere);
  fs::create_symlink(elsewhere, file);
  EXPECT_EQ(load("key"), "nothing");
  store_cached(directory_, "key", "new");  // the link is replaced, not what it leads to
  EXPECT_EQ(load("key"), "new");
  EXPECT_FALSE(fs::is_symlink(file));
  EXPECT_NE(bytes_of(elsewhere).find("content"), std::string::npos);

  fs::remove(file);
  ASSERT_EQ(mkfifo(file.c_str(), 0600), 0);
  EXPECT_EQ(load("key"), "nothing");
  fs::remove(file);
  fs::create_directory(file);
  EXPECT_EQ(load("key"), "nothing");
  store_cached(directory_, "key", "new");  // can't be
  EXPECT_EQ(load("key"), "nothing");
  EXPECT_EQ(files().size(), 1u);
}

/// Runs code in a process of its own; true if it returned true.
template <class F>
bool in_child(F code) {
  const pid_t child = fork();
  if (child == 0) _exit(code() ? 0 : 1);
  int status = 1;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST_F(DiskCache, DoesWithoutWhereNothingCanBeWritten) {
  const fs::path file = stored("key", "content");
  fs::permissions(directory_, fs::perms::owner_read | fs::perms::owner_exec);
  EXPECT_TRUE(in_child([&] {
    // Root may write anywhere.
    if (geteuid() == 0 && (chown(directory_.c_str(), 12345, 12345) != 0 || chown(file.c_str(), 12345, 12345) != 0 ||
                           chown(directory_.parent_path().c_str(), 12345, 12345) != 0 ||
                           chmod(root_.c_str(), 0755) != 0 || chmod((root_ / "a").c_str(), 0755) != 0 ||
                           chmod((root_ / "a/b").c_str(), 0755) != 0 || setgid(12345) != 0 || setuid(12345) != 0)) {
      return false;
    }
    store_cached(directory_, "second key", "content");
    return load("key") == "content" && load("second key") == "nothing" && files().size() == 1;
  }));
  store_cached("/proc/nowhere", "key", "content");
  EXPECT_FALSE(load_cached("/proc/nowhere", "key").has_value());
  store_cached((root_ / "file/kernels").string(), "key", "content");
  write_bytes(root_ / "plain", "");
  store_cached((root_ / "plain").string(), "key", "content");
  EXPECT_FALSE(load_cached((root_ / "plain").string(), "key").has_value());
  store_cached("", "key", "content");
  EXPECT_FALSE(load_cached("", "key").has_value());
}

TEST_F(DiskCache, FollowsNoLinkToADirectory) {
  const fs::path file = stored("key", "content"), elsewhere = root_ / "elsewhere";
  fs::rename(directory_, elsewhere);
  fs::create_directory_symlink(elsewhere, directory_);
  EXPECT_EQ(load("key"), "nothing");
  store_cached(directory_, "second key", "content");
  EXPECT_EQ(files().size(), 1u);
}

TEST_F(DiskCache, LeavesOtherPeoplesFilesAlone) {
  const std::vector<std::string> names = {"notes.txt",
                                          "0123456789abcdef",
                                          "0123456789abcdef.kernel.orig",
                                          "0123456789abcdeX.kernel",
                                          "00123456789abcdef.kernel",
                                          ".0123456789abcdef.part~",
                                          ".0123456789abcdeX.part"};
  fs::create_directories(directory_);
  for (const std::string& name : names) {
    write_bytes(directory_ / name, std::string(5000, 'x'));
    fs::last_write_time(directory_ / name, fs::last_write_time(directory_ / name) - std::chrono::hours(1000));
  }
  store_cached(directory_, "key", "content", 1);
  EXPECT_EQ(load("key"), "nothing");  // all that could go
  for (const std::string& name : names) EXPECT_TRUE(fs::exists(directory_ / name)) << name;
  store_cached(directory_, "key", "content", 10'000);
  EXPECT_EQ(load("key"), "content");  // theirs do not count
}

TEST_F(DiskCache, RemovesWhatWritersThatDiedLeftBehind) {
  fs::create_directories(directory_);
  const fs::path old = directory_ / ".0123456789abcdef.part", young = directory_ / ".fedcba9876543210.part";
  for (const fs::path& file : {old, young}) write_bytes(file, "half of a");
  fs::last_write_time(old, fs::last_write_time(old) - std::chrono::hours(2));
  fs::last_write_time(young, fs::last_write_time(young) - std::chrono::minutes(30));
  store_cached(directory_, "key", "content");
  EXPECT_FALSE(fs::exists(old));
  EXPECT_TRUE(fs::exists(young));  // may still be written
  store_cached(directory_, "key", "content", 1);
  EXPECT_TRUE(fs::exists(young));
}

TEST_F(DiskCache, LeavesNothingBehindOnAFullDisk) {
  stored("key", "content");
  EXPECT_TRUE(in_child([&] {
    // A limit on the size of files ends a write half-way, as a full disk does.
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{5000, 5000};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return false;
    store_cached(directory_, "second key", std::string(20'000, 'x'));
    return load("second key") == "nothing" && files().size() == 1;
  }));
}

/// Runs code in as many processes at once; true if it returned true in each.
template <class F>
bool in_children(int count, F code) {
  std::vector<pid_t> children;
  for (int k = 0; k < count; ++k) {
    const pid_t child = fork();
    if (child == 0) _exit(code(k) ? 0 : 1);
    children.push_back(child);
  }
  bool good = true;
  for (const pid_t child : children) {
    int status = 1;
    good = waitpid(child, &status, 0) == child && status == 0 && good;
  }
  return good;
}

TEST_F(DiskCache, ManyWritersLeaveOneWholeFile) {
  const std::string a(200'000, 'a'), b(100'000, 'b');
  EXPECT_TRUE(in_children(6, [&](int k) {
    bool good = true;
    for (int repetition = 0; repetition < 100; ++repetition) {
      store_cached(directory_, "key", k % 2 == 0 ? a : b);
      const std::string found = load("key");
      good = good && (found == a || found == b);
    }
    return good;
  }));
  EXPECT_EQ(files().size(), 1u);
}

TEST_F(DiskCache, WritersInContainersAreToldApart) {
  if (!in_child([] { return unshare(CLONE_NEWPID) == 0; })) GTEST_SKIP() << "may not number processes anew";
  constexpr int repetitions = 60;
  EXPECT_TRUE(in_children(4, [&](int k) {
    // The next process has the number 1, as one in a container has.
    return unshare(CLONE_NEWPID) == 0 && in_child([&] {
             for (int repetition = 0; repetition < repetitions; ++repetition) {
               store_cached(directory_, std::to_string(k) + " " + std::to_string(repetition),
                            std::string(200'000, 'x'));
             }
             return getpid() == 1;
           });
  }));
  EXPECT_EQ(files().size(), 4u * repetitions);
}

TEST_F(DiskCache, DropsWhatWasNotUsedForLongest) {
  const std::string content(1000, 'x');
  constexpr std::int64_t most = 10'000;
  for (int k = 0; k < 9; ++k) {
    store_cached(directory_, "key " + std::to_string(k), content, most);
    for (const fs::path& file : files()) {  // everything becomes an hour older
      fs::last_write_time(file, fs::last_write_time(file) - std::chrono::hours(1));
    }
  }
  EXPECT_EQ(load("key 0"), content);  // is used again
  store_cached(directory_, "key 9", content, most);
  EXPECT_EQ(load("key 0"), content);
  EXPECT_EQ(load("key 1"), "nothing");
  EXPECT_EQ(load("key 9"), content);
  std::int64_t bytes = 0;
  for (const fs::path& file : files()) bytes += static_cast<std::int64_t>(fs::file_size(file));
  EXPECT_LE(bytes, most);
  EXPECT_GE(files().size(), 6u);
}

void set(const char* name, const char* value) {
  if (value != nullptr) {
    setenv(name, value, 1);
  } else {
    unsetenv(name);
  }
}

/// Leaves the environment as it was.
class CacheDirectory : public testing::Test {
 protected:
  CacheDirectory() {
    for (const char* const name : {"NABLA_CACHE", "XDG_CACHE_HOME", "HOME"}) {
      const char* const value = std::getenv(name);
      before_.emplace_back(name, value != nullptr ? std::optional<std::string>(value) : std::nullopt);
    }
  }
  ~CacheDirectory() override {
    for (const auto& [name, value] : before_) set(name, value ? value->c_str() : nullptr);
  }

 private:
  std::vector<std::pair<const char*, std::optional<std::string>>> before_;
};

TEST_F(CacheDirectory, IsWhereTheEnvironmentSays) {
  const auto with = [](const char* cache, const char* xdg, const char* home) {
    set("NABLA_CACHE", cache);
    set("XDG_CACHE_HOME", xdg);
    set("HOME", home);
    return cache_directory();
  };
  EXPECT_EQ(with(nullptr, "/x", "/home/a"), "/x/nabla/kernels");
  EXPECT_EQ(with(nullptr, nullptr, "/home/a"), "/home/a/.cache/nabla/kernels");
  EXPECT_EQ(with(nullptr, "", "/home/a"), "/home/a/.cache/nabla/kernels");
  EXPECT_EQ(with(nullptr, "relative", "/home/a"), "/home/a/.cache/nabla/kernels");
  EXPECT_EQ(with(nullptr, nullptr, nullptr), "");
  EXPECT_EQ(with(nullptr, nullptr, "relative"), "");
  EXPECT_EQ(with("off", "/x", "/home/a"), "");
}

}  // namespace
