#include <array>
#include <set>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "result_assertions.hpp"
#include "sluice/stores/directory/folder.hpp"
#include "sluice/stores/directory/message.hpp"
#include "store_fixture.hpp"

namespace sluice::stores {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

class Folders : public StoreTest {};

TEST_F(Folders, AreTheirCanonicalDirectoryMessage) {
  write("a.txt", "hello");
  write("empty", "");
  write("run.sh", "#!/bin/sh\n", 0755);
  fs::create_directories(outside_ / "none");
  fs::create_symlink("a.txt", outside_ / "link");
  const auto stored = store_->put_directory(outside_, {});
  ASSERT_OK(stored);
  EXPECT_EQ(stored->digest.hex(), "e368e81aad4148d9118c8e61e1941027a3de42f7096c5859a9a599768aaf2e1a");
  EXPECT_EQ(stored->size, 15);
  const auto closure = store_->closure(folder(*stored));
  ASSERT_OK(closure);
  EXPECT_THAT(*closure, UnorderedElementsAre(stored->digest, Digest::of("hello"), Digest::of(""),
                                             Digest::of("#!/bin/sh\n")));
}

TEST_F(Folders, DependOnlyOnNamesContentsAndExecutableBits) {
  write("one/x", "1");
  write("two/x", "1", 0600);
  EXPECT_EQ(store_->put_directory(outside_ / "one", {})->digest,
            store_->put_directory(outside_ / "two", {})->digest);
  write("three/x", "1", 0755);
  EXPECT_NE(store_->put_directory(outside_ / "one", {})->digest,
            store_->put_directory(outside_ / "three", {})->digest);
}

TEST_F(Folders, LeaveOutWhatIsIgnored) {
  write("plain/a.py", "1");
  write("full/a.py", "1");
  write("full/a.pyc", "2");
  write("full/build/x/y", "3");
  write("full/b/build/z", "3");
  fs::create_directories(outside_ / "plain/b");
  const auto plain = store_->put_directory(outside_ / "plain", {});
  const auto full =
      store_->put_directory(outside_ / "full", {.patterns = {"# made by tools", "", "*.pyc", "build/"}});
  ASSERT_OK(full);
  EXPECT_EQ(full->digest, plain->digest);
}

TEST_F(Folders, LeaveOutLeftoversOnlyWhereThatIsSelected) {
  write("plain/a.png", "1");
  write("plain/b/c.png", "1");
  for (const auto* name : {"a.png", "b/c.png", ".DS_Store", "b/Thumbs.db", "b/desktop.ini",
                           "__MACOSX/b/._c.png", ".git/HEAD", "b/.ipynb_checkpoints/c.png"})
    write(std::string("full/") + name, "1");
  fs::create_symlink("nobody@host.1234", outside_ / "full/.#a.png");
  const auto plain = store_->put_directory(outside_ / "plain", {});
  EXPECT_EQ(store_->put_directory(outside_ / "full", {.leftovers = false})->digest, plain->digest);
  EXPECT_NE(store_->put_directory(outside_ / "full", {})->digest, plain->digest);
  const auto with_one =
      store_->put_directory(outside_ / "full", {.patterns = {"!.DS_Store"}, .leftovers = false});
  EXPECT_NE(with_one->digest, plain->digest);
  fs::remove(outside_ / "full/.DS_Store");
  EXPECT_EQ(
      store_->put_directory(outside_ / "full", {.patterns = {"!.DS_Store"}, .leftovers = false})->digest,
      plain->digest);
}

TEST_F(Folders, LeaveOutGivenPathsUnlessAPatternKeepsThem) {
  for (const auto* name : {"a", "b/c", "b/d"}) write(name, "1");
  const auto files = [&](const ports::Selection& selection) {
    std::vector<std::string> paths;
    for (auto& file : store_->list(folder(store_->put_directory(outside_, selection).value()))->files)
      paths.push_back(file.path);
    return paths;
  };
  EXPECT_THAT(files({.left_out = {"a", "b/d"}}), ElementsAre("b/c"));
  EXPECT_THAT(files({.patterns = {"!b/d"}, .left_out = {"a", "b/d"}}), ElementsAre("b/c", "b/d"));
  EXPECT_THAT(files({.left_out = {"b"}}), ElementsAre("a"));
  EXPECT_EQ(store_->put_directory(outside_, {.patterns = {"!b/d"}, .left_out = {"a", "b/d", "no"}})->left_out,
            1);
}

TEST_F(Folders, AreListedWithWhatIsBehindTheirSymlinks) {
  for (const auto* name : {".real/1", ".real/deep/2", "c/3", "4"}) write(name, "1");
  fs::create_directories(outside_ / "empty");
  fs::create_directory_symlink(".real", outside_ / "a");
  fs::create_symlink("../4", outside_ / "c/file");
  fs::create_symlink("../a/deep/2", outside_ / "c/through");
  fs::create_symlink("missing", outside_ / "c/nothing");
  fs::create_directory_symlink(".", outside_ / "c/circle");
  fs::create_symlink("itself", outside_ / "itself");
  fs::create_symlink("../../..", outside_ / ".real/deep/out");
  EXPECT_FALSE(store_->put_directory(outside_, {}));
  fs::remove(outside_ / ".real/deep/out");
  const auto listing = store_->list(folder(store_->put_directory(outside_, {}).value()));
  ASSERT_OK(listing);
  std::vector<std::string> files;
  for (const auto& file : listing->files) files.push_back(file.path);
  EXPECT_THAT(files,
              ElementsAre(".real/1", ".real/deep/2", "4", "a/1", "a/deep/2", "c/3", "c/file", "c/through"));
  EXPECT_EQ(listing->files.back().digest, Digest::of("1"));
  EXPECT_THAT(listing->folders, ElementsAre(".real", ".real/deep", "a", "a/deep", "c", "empty"));
  EXPECT_THAT(listing->dangling, ElementsAre("c/circle", "c/nothing", "itself"));
}

TEST_F(Folders, AreListedInBoundedTimeWhateverTheirSymlinks) {
  // Each leads through the one before, twice: 2^40 steps.
  fs::create_directories(outside_ / "d");
  fs::create_symlink(".", outside_ / "s0");
  for (int i = 1; i < 40; ++i)
    fs::create_symlink(fmt::format("s{0}/s{0}", i - 1), outside_ / fmt::format("s{}", i));
  EXPECT_OK(store_->list(folder(store_->put_directory(outside_, {}).value())));
  // Two folders that lead into each other, many times.
  for (const auto* name : {"x", "y"}) write(std::string(name) + "/file", "1");
  for (int i = 0; i < 30; ++i)
    for (const auto& [from, to] : {std::pair("x", "y"), std::pair("y", "x")})
      fs::create_directory_symlink(fmt::format("../{}", to), outside_ / from / fmt::format("l{}", i));
  EXPECT_OK(store_->list(folder(store_->put_directory(outside_, {}).value())));
}

TEST_F(Folders, TellAllProblemsAtOnce) {
  write("a/file", "1");
  fs::create_symlink("/etc/passwd", outside_ / "a/link");
  write("\xff", "1");
  const auto stored = store_->put_directory(outside_, {});
  ASSERT_FALSE(stored);
  EXPECT_EQ(stored.error().notes.size(), 1U);
}

TEST_F(Folders, AreCopiedOutWritableAndUnchanged) {
  write("in/deep/er/file", "x");
  write("in/run", "y", 0755);
  fs::create_symlink("../run", outside_ / "in/deep/link");
  const auto stored = store_->put_directory(outside_ / "in", {});
  ASSERT_OK(stored);
  ASSERT_OK(store_->copy_out(folder(*stored), outside_ / "out"));
  EXPECT_EQ(read(outside_ / "out/deep/er/file"), "x");
  EXPECT_EQ(fs::read_symlink(outside_ / "out/deep/link"), "../run");
  EXPECT_EQ(fs::status(outside_ / "out/run").permissions(), fs::perms{0755});
  EXPECT_EQ(fs::status(outside_ / "out/deep/er/file").permissions(), fs::perms{0644});
  EXPECT_EQ(store_->put_directory(outside_ / "out", {})->digest, stored->digest);
  const auto again = store_->copy_out(folder(*stored), outside_ / "out");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().message,
            (outside_ / "out").string() + ": already exists; name another path, or remove it");
  EXPECT_EQ(read(outside_ / "out/deep/er/file"), "x");
}

TEST_F(Folders, RefuseWhatTheyCannotHoldAndNameIt) {
  const auto refusal = [&] { return test::message_of(store_->put_directory(outside_, {})); };
  const auto at = [&](const std::string& name) { return (outside_ / name).string(); };
  write("sub/file", "x");
  fs::create_symlink("../../secret", outside_ / "sub/link");
  EXPECT_EQ(refusal(), at("sub/link") +
                           ": a symlink to ../../secret, which may lie outside the folder; put a copy of the "
                           "target in its place");
  fs::remove(outside_ / "sub/link");
  fs::create_symlink("/etc/passwd", outside_ / "sub/link");
  EXPECT_THAT(refusal(), HasSubstr("a symlink to /etc/passwd, which may lie outside the folder"));
  fs::remove(outside_ / "sub/link");
  ASSERT_EQ(mkfifo(at("sub/pipe").c_str(), 0600), 0);
  EXPECT_EQ(refusal(), at("sub/pipe") + ": neither a file, a folder nor a symlink; remove it, or ignore it");
  EXPECT_TRUE(store_->put_directory(outside_, {.patterns = {"pipe"}}));
  fs::remove(outside_ / "sub/pipe");
  write("sub/\xff\xfe", "x");
  EXPECT_EQ(refusal(), at("sub/%FF%FE") + ": the name is not UTF-8; rename it");
}

TEST_F(Folders, NestedTooDeepAreRefused) {
  fs::path path = outside_;
  for (int i = 0; i < 101; ++i) path /= "d";
  fs::create_directories(path);
  const auto stored = store_->put_directory(outside_, {});
  ASSERT_FALSE(stored);
  EXPECT_THAT(stored.error().message, HasSubstr("folders are nested more than 100 deep"));
}

TEST_F(Folders, AreNotReadAgainWhileTheyAreUnchanged) {
  for (int i = 0; i < 20; ++i) write("f" + std::to_string(i), "text " + std::to_string(i));
  clock_.ahead = std::chrono::seconds(10);  // the files are old enough now to be remembered
  const auto stored = store_->put_directory(outside_, {});
  ASSERT_OK(stored);
  // Proof that a file is not read: the cache holds another digest for it, and that one is returned.
  auto cached = read(cache() / "digests");
  const auto real = Digest::of("text 3").hex();
  ASSERT_NE(cached.find(real), std::string::npos);
  const auto planted = store_->put("planted")->digest;
  cached.replace(cached.find(real), 64, planted.hex());
  ASSERT_OK(os::write_file(cache() / "digests", cached + "1 2 3 torn"));
  const auto another = open();
  EXPECT_NE(another->put_directory(outside_, {})->digest, stored->digest);
  EXPECT_EQ(another->put_file(outside_ / "f3", nullptr)->digest, planted);
  // A modified file is read.
  write("f3", "text 3");
  EXPECT_EQ(another->put_directory(outside_, {})->digest, stored->digest);
}

/// The files that are opened in a folder.
class OpenedFiles {
 public:
  explicit OpenedFiles(const fs::path& folder) : fd_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
    inotify_add_watch(fd_.get(), folder.c_str(), IN_OPEN);
  }
  [[nodiscard]] std::set<std::string> names() const {
    std::set<std::string> out;
    alignas(inotify_event) std::array<char, 65536> buffer{};
    const auto size = ::read(fd_.get(), buffer.data(), buffer.size());
    for (ssize_t at = 0; at < size;) {
      const auto& event = *reinterpret_cast<const inotify_event*>(buffer.data() + at);
      if (event.len > 0) out.insert(event.name);
      at += static_cast<ssize_t>(sizeof event + event.len);
    }
    return out;
  }

 private:
  os::UniqueFd fd_;
};

TEST_F(Folders, OfWhichOnlyNewFilesAreOpened) {
  for (int i = 0; i < 20; ++i) write("f" + std::to_string(i), "text " + std::to_string(i));
  clock_.ahead = std::chrono::seconds(10);
  ASSERT_OK(store_->put_directory(outside_, {}));
  write("new", "another text");
  const OpenedFiles opened(outside_);
  ASSERT_OK(store_->put_directory(outside_, {}));
  EXPECT_THAT(opened.names(), ElementsAre("new"));
}

TEST_F(Folders, RememberNoFileThatMayStillChangeUnseen) {
  write("fresh", "one");
  ASSERT_OK(store_->put_directory(outside_, {}));
  EXPECT_FALSE(fs::exists(cache() / "digests"));
}

TEST_F(Folders, AreReadAgainWhereTheStoreHasLostTheObject) {
  write("f", "bytes");
  clock_.ahead = std::chrono::seconds(10);
  const auto stored = store_->put_directory(outside_, {}).value();
  fs::remove(store_->path_of(Digest::of("bytes")));
  EXPECT_EQ(store_->put_directory(outside_, {})->digest, stored.digest);
  EXPECT_TRUE(store_->has(Digest::of("bytes")));
}

TEST_F(Folders, AreMadeOfStoredFilesWithoutReadingThem) {
  write("model/a/b.onnx", "weights", 0644);
  write("model/README.md", "card");
  const auto stored = store_->put_directory(outside_ / "model", {}).value();
  const auto tree = store_->put_tree({{.path = "README.md", .digest = Digest::of("card"), .size = 4},
                                      {.path = "a/b.onnx", .digest = Digest::of("weights"), .size = 7}});
  ASSERT_OK(tree);
  EXPECT_EQ(tree->digest, stored.digest);
  EXPECT_EQ(tree->size, 11);
  const auto digest = Digest::of("nowhere");
  const auto missing = store_->put_tree({{.path = "x", .digest = digest, .size = 1}});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message,
            "`x`: object " + digest.hex() + " is not in the store; store its bytes first");
  for (const auto* path : {"", "/x", "x/", "a//b", "../x", "a/./b"})
    EXPECT_FALSE(store_->put_tree({{.path = path, .digest = Digest::of("card"), .size = 4}})) << path;
}

// Clients upload arbitrary bytes: a message among them may be malicious.
TEST_F(Folders, ThatAreMaliciousAreNotWritten) {
  const auto put = [&](const directory::Message& message) {
    return store_->put(directory::encode(message).value()).value();
  };
  const auto escaping = put({.files = {}, .folders = {}, .symlinks = {{.name = "x", .target = "../../etc"}}});
  const auto out = store_->copy_out(folder(escaping), outside_ / "out");
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().message,
            "directory " + escaping.digest.hex() +
                ": symlink `x` to `../../etc` may point outside the directory; it is not written");
  EXPECT_FALSE(fs::exists(outside_ / "out"));

  // 2^60 files in 60 small messages.
  auto level = store_->put("").value();
  for (int i = 0; i < 60; ++i)
    level = put({.files = {},
                 .folders = {{.name = "a", .digest = level.digest, .size = level.size},
                             {.name = "b", .digest = level.digest, .size = level.size}},
                 .symlinks = {}});
  EXPECT_EQ(store_->closure(folder(level))->size(), 61U);

  const auto lying = put({.files = {{.name = "f", .digest = store_->put("abc")->digest, .size = 9}},
                          .folders = {},
                          .symlinks = {}});
  EXPECT_EQ(store_->copy_out(folder(lying), outside_ / "out").error().message,
            "directory " + lying.digest.hex() + ": `f` is listed with 9 bytes, but has 3");

  const auto text = store_->put("no message").value();
  EXPECT_THAT(store_->copy_out(folder(text), outside_ / "out").error().message,
              HasSubstr("directory " + text.digest.hex() + ": not a canonical Directory message"));
}

TEST_F(Folders, OfAnySizeAreRead) {
  constexpr int files = 20'000;
  fs::create_directories(outside_ / "many");
  for (int i = 0; i < files; ++i)
    ASSERT_OK(os::write_file(outside_ / "many" / ("file-" + std::to_string(i)), std::to_string(i)));
  const auto stored = store_->put_directory(outside_);
  ASSERT_OK(stored);
  const auto listed = store_->list(folder(*stored));
  ASSERT_OK(listed);
  EXPECT_EQ(listed->files.size(), std::size_t{files});
  const auto parts = store_->closure(folder(*stored));
  ASSERT_OK(parts);
  EXPECT_EQ(parts->size(), std::size_t{files} + 2);
  EXPECT_TRUE(store_->missing(*parts).empty());
  ASSERT_OK(store_->copy_out(folder(*stored), root_->path() / "copy"));
  EXPECT_EQ(read(root_->path() / "copy/many/file-19999"), "19999");
}

TEST(TreeLimits, AreCheckedBeforeAnythingIsStored) {
  directory::Folder tree{.name = "", .files = {{.name = "a", .digest = {}}}, .folders = {}, .symlinks = {}};
  tree.folders.push_back({.name = "inner",
                          .files = {{.name = std::string(50, 'b'), .digest = {}}},
                          .folders = {},
                          .symlinks = {{.name = "c", .target = "a"}}});
  EXPECT_OK(directory::check_size(tree, "given", {.entries = 4, .message_bytes = 300}));
  EXPECT_EQ(test::message_of(directory::check_size(tree, "given", {.entries = 3, .message_bytes = 300})),
            "given/inner: more than 3 files and folders in total; split it");
  EXPECT_EQ(test::message_of(directory::check_size(tree, "given", {.entries = 4, .message_bytes = 210})),
            "given/inner: the names in this folder are longer than 210 B together; divide it into several "
            "folders");
}

}  // namespace
}  // namespace sluice::stores
