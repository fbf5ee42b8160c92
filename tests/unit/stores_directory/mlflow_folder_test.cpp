// Folders of MLflow's file store, whole and damaged.
#include "sluice/stores/directory/mlflow_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "result_assertions.hpp"
#include "sluice/os/files.hpp"

namespace sluice::stores {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class MlflowFolderTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = std::make_unique<os::TemporaryDirectory>(
        test::value_of(os::TemporaryDirectory::make_in_tmp("mlruns-")));
    write("0/meta.yaml", "name: Default\ncreation_time: 5\nlifecycle_stage: active\n");
  }
  void write(const std::string& path, std::string_view text) const {
    fs::create_directories((root_->path() / path).parent_path());
    ASSERT_OK(os::write_file(root_->path() / path, text));
  }
  void add_run(const std::string& id,
               const std::string& fields = "run_name: n\nstatus: 3\nstart_time: 7\n") const {
    write("0/" + id + "/meta.yaml", fields);
  }

  struct Seen {
    std::vector<ports::TrackedRun> runs;
    std::vector<ports::MetricHistory> histories;
    std::vector<ports::LoggedModel> models;
    std::vector<ports::WholeTrace> traces;
    std::vector<ports::RegisteredContent> registered;
    std::vector<std::string> damaged;
  };
  [[nodiscard]] Seen read() const {
    Seen seen;
    const auto folder = test::value_of(MlflowFolder::open(root_->path()));
    const auto into = [](auto& list) {
      return [&list](const auto& one) -> Result<void> {
        list.push_back(one);
        return {};
      };
    };
    EXPECT_OK(folder->experiments([&](const ports::Experiment& experiment) -> Result<void> {
      SLUICE_DO(folder->models(experiment, into(seen.models)));
      SLUICE_DO(folder->traces(experiment, into(seen.traces)));
      return folder->runs(experiment, [&](const ports::TrackedRun& run) -> Result<void> {
        seen.runs.push_back(run);
        return folder->histories(run, into(seen.histories));
      });
    }));
    EXPECT_OK(folder->registered(into(seen.registered)));
    for (const auto& one : folder->damaged()) seen.damaged.push_back(one.what);
    return seen;
  }

  std::unique_ptr<os::TemporaryDirectory> root_;
};

TEST_F(MlflowFolderTest, IsReadWithNamesThatAreFolders) {
  add_run("r");
  write("0/r/tags/a/b", "x");
  write("0/r/params/p", "1\n2");
  write("0/r/metrics/loss/train", "1 0.5 3\n2 nan 4\n");
  write("models/fish/meta.yaml", "name: fish\ncreation_timestamp: 1\ndescription: d\n");
  write("models/fish/version-2/meta.yaml",
        "version: 2\ncurrent_stage: Production\nsource: s3://b\nrun_id: r\n");
  write("models/fish/version-1/meta.yaml", "version: 1\ncurrent_stage: Deleted_Internal\n");
  write("models/fish/aliases/best", "2");
  const auto seen = read();
  ASSERT_EQ(seen.runs.size(), 1U);
  EXPECT_THAT(seen.runs[0].tags, ElementsAre(ports::KeyValue{.key = "a/b", .value = "x"}));
  ASSERT_EQ(seen.histories.size(), 1U);
  EXPECT_EQ(seen.histories[0].key, "loss/train");
  EXPECT_EQ(seen.histories[0].points.size(), 2U);
  ASSERT_EQ(seen.registered.size(), 1U);
  ASSERT_EQ(seen.registered[0].versions.size(), 1U);
  EXPECT_EQ(seen.registered[0].versions[0].stage, "Production");
  EXPECT_EQ(seen.registered[0].model.aliases.at("best"), 2);
  EXPECT_THAT(seen.damaged, IsEmpty());
}

TEST_F(MlflowFolderTest, WhatIsDamagedIsPassedOverAndTold) {
  add_run("whole");
  add_run("broken", "{");
  add_run("list", "- 1\n");
  write("0/without/params/p", "1");
  add_run("binary", std::string("\0\xff\xfe", 3));
  add_run("bomb", "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n" + std::string(100'000, '['));
  add_run("large", "name: " + std::string((std::size_t{17} << 20), 'x'));
  write("models/broken/meta.yaml", "[");
  write("models/fish/meta.yaml", "name: fish\n");
  write("models/fish/version-1/meta.yaml", "version: x\n");
  write("models/fish/version-2/meta.yaml", "version: -4\n");
  write("models/fish/aliases/best", "two");
  write("0/traces/tr-1/trace_info.yaml", "text");
  write("0/models/m-1/meta.yaml", "");
  const auto seen = read();
  ASSERT_EQ(seen.runs.size(), 1U);
  EXPECT_EQ(seen.runs[0].id, "whole");
  EXPECT_THAT(seen.traces, IsEmpty());
  EXPECT_THAT(seen.models, IsEmpty());
  ASSERT_EQ(seen.registered.size(), 1U);
  EXPECT_THAT(seen.registered[0].versions, IsEmpty());
  EXPECT_THAT(seen.damaged,
              UnorderedElementsAre("0/broken", "0/list", "0/without", "0/binary", "0/bomb", "0/large",
                                   "0/models/m-1", "0/traces/tr-1", "models/broken", "models/fish/version-1",
                                   "models/fish/version-2", "models/fish/aliases/best"));
}

TEST_F(MlflowFolderTest, LinesThatAreNoValuesArePassedOver) {
  add_run("r");
  write("0/r/metrics/m", "1 0.5\n1 0.5 x\n\n \r\n99999999999999999999 1 1\n2 1e999 3\nnan nan nan\n5 -inf 6");
  write("0/r/metrics/long", std::string(5'000, '1') + " 1 1\n");
  const auto seen = read();
  ASSERT_EQ(seen.histories.size(), 1U);
  EXPECT_EQ(seen.histories[0].points.size(), 2U) << "1 0.5, and the infinite one";
  EXPECT_THAT(seen.damaged, UnorderedElementsAre("0/r/metrics/m", "0/r/metrics/long"));
}

// None of these must be waited for, or followed for ever.
TEST_F(MlflowFolderTest, PipesAndLinksStopNothing) {
  add_run("r");
  for (const auto* path : {"0/r/metrics/pipe", "0/r/params/pipe", "0/r/tags/pipe", "0/p/meta.yaml"}) {
    fs::create_directories((root_->path() / path).parent_path());
    ASSERT_EQ(mkfifo((root_->path() / path).c_str(), 0644), 0);
  }
  fs::create_directory_symlink("..", root_->path() / "0" / "r" / "metrics" / "up");
  fs::create_directory_symlink(".", root_->path() / "0" / "self");
  fs::create_symlink("nowhere", root_->path() / "0" / "r" / "params" / "dangling");
  const auto seen = read();
  EXPECT_THAT(seen.histories, IsEmpty());
  EXPECT_FALSE(seen.damaged.empty());
}

TEST_F(MlflowFolderTest, AFolderWithoutExperimentsIsNone) {
  fs::remove_all(root_->path() / "0");
  write("x/meta.yaml", "name: x\n");
  write("12345678901234567890/meta.yaml", "name: x\n");
  EXPECT_EQ(test::error_of(MlflowFolder::open(root_->path())).code, Code::failed_precondition);
}

}  // namespace
}  // namespace sluice::stores
