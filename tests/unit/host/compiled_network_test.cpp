#include "sluice/runtimes/hosted/compiled_network.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "result_assertions.hpp"
#include "sluice/os/files.hpp"

namespace sluice::runtimes {
namespace {

namespace fs = std::filesystem;

const std::string name = "items-" + std::string(64, 'a') + ".blob";

class CompiledNetworks : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(os::make_directories(scratch_));
    ASSERT_OK(os::make_directories(compiled_));
    ASSERT_OK(os::write_file(secret_, "secret"));
  }
  Result<void> keep(const std::string& named = name) {
    return keep_compiled_network(scratch_, named, compiled_);
  }

  os::TemporaryDirectory root_ = os::TemporaryDirectory::make(fs::temp_directory_path(), "compiled-").value();
  fs::path scratch_ = root_.path() / "scratch";
  fs::path compiled_ = root_.path() / "compiled";
  fs::path secret_ = root_.path() / "secret";
};

TEST_F(CompiledNetworks, AreCopiedAndReplaced) {
  for (const std::string bytes : {"first", "second"}) {
    ASSERT_OK(os::write_file(scratch_ / name, bytes));
    ASSERT_OK(keep());
    EXPECT_EQ(os::read_file(compiled_ / name), bytes);
    EXPECT_EQ(fs::status(compiled_ / name).permissions(), fs::perms::owner_read);
  }
  EXPECT_FALSE(fs::equivalent(scratch_ / name, compiled_ / name));
}

TEST_F(CompiledNetworks, WithAnotherNameAreNotKept) {
  for (const std::string other :
       {"", "x.blob", "../secret", "items-.blob",
        "items-../../../../../../../../../../../../../../../../../../../secret0000.blob"}) {
    const auto refused = keep(other);
    ASSERT_FALSE(refused) << other;
    EXPECT_EQ(refused.error().message,
              "what the host compiled is not kept: its file has another name than the network of a base");
  }
}

TEST_F(CompiledNetworks, ThatAreNotAFileOfTheHostAreNotKept) {
  fs::create_symlink(secret_, scratch_ / name);
  EXPECT_FALSE(keep());
  fs::remove(scratch_ / name);
  fs::create_hard_link(secret_, scratch_ / name);
  EXPECT_EQ(keep().error().message,
            "what the host compiled is not kept: it is not a regular file of its own");
  fs::remove(scratch_ / name);
  ASSERT_EQ(::mkfifo((scratch_ / name).c_str(), 0600), 0);
  EXPECT_FALSE(keep()) << "and it does not wait for it";
  fs::remove(scratch_ / name);
  EXPECT_FALSE(keep());
  EXPECT_TRUE(fs::is_empty(compiled_));
}

}  // namespace
}  // namespace sluice::runtimes
