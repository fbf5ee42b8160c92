#include "sluice/executors/service/service_executor.hpp"

#include <condition_variable>
#include <map>

#include <gtest/gtest.h>

#include "../driver/services.hpp"
#include "result_assertions.hpp"
#include "sluice/base/json.hpp"
#include "sluice/os/files.hpp"

namespace sluice::executors {
namespace {

using engine::Outcome;
using test::Gate;
using test::one;
using test::WrittenService;
using Status = Outcome::Status;

/// Keeps what arrives.
class Outcomes final : public ports::OutcomeSink {
 public:
  void ended(const Fence& fence, Outcome outcome) override {
    const std::lock_guard lock(mutex_);
    outcomes_[fence.text].push_back(std::move(outcome));
    arrived_.notify_all();
  }
  Outcome wait_for(const std::string& fence) {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [&] { return !outcomes_[fence].empty(); });
    return outcomes_[fence].front();
  }
  std::size_t count(const std::string& fence) {
    const std::lock_guard lock(mutex_);
    return outcomes_[fence].size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::map<std::string, std::vector<Outcome>> outcomes_;
};

class ServiceExecutorTest : public testing::Test {
 protected:
  ServiceExecutorTest() {
    const ir::Type integer{.kind = ir::Type::Kind::integer, .element = nullptr, .artifact_kind = "any"};
    signature_ = {.name = "test.work",
                  .version = "2.1.0",
                  .inputs = {{.name = "n", .type = integer}},
                  .outputs = {{.name = "n", .type = integer}}};
  }

  /// The executor, with one service that runs `work`.
  ServiceExecutor& work(WrittenService::Work work, std::size_t threads = 2) {
    service_ = std::make_unique<WrittenService>(signature_, std::move(work));
    executor_ = std::make_unique<ServiceExecutor>(
        ServiceExecutor::Options{.work = folder_->path(), .threads = threads},
        std::vector<ports::Service*>{service_.get()}, outcomes_, clock_);
    return *executor_;
  }
  static ports::Attempt attempt(const std::string& fence, Struct with = one("n", 3),
                                const std::string& service = "test.work") {
    ports::Attempt made{.run = {"r1"},
                        .path = "task",
                        .fence = {fence},
                        .work = {.kind = engine::TaskSpec::Kind::service},
                        .effect_key = "r1/task"};
    made.work.service = service;
    made.work.with = std::move(with);
    return made;
  }
  Outcome outcome_of(const ports::Attempt& attempt) {
    executor_->start(attempt);
    return outcomes_.wait_for(attempt.fence.text);
  }
  [[nodiscard]] std::size_t left_behind() const {
    const auto entries = os::list_directory(folder_->path());
    return entries ? entries->size() : 999;
  }

  Result<os::TemporaryDirectory> folder_ =
      os::TemporaryDirectory::make(std::filesystem::temp_directory_path(), "sluice-service-");
  SystemClock clock_;
  Outcomes outcomes_;
  ir::Signature signature_;
  std::unique_ptr<WrittenService> service_;
  std::unique_ptr<ServiceExecutor> executor_;
};

TEST_F(ServiceExecutorTest, PassesTheCallAndReturnsTheResult) {
  ports::ServiceCall seen;
  work([&](const ports::ServiceCall& call) -> Result<Struct> {
    seen = call;
    return one("n", 4);
  });
  service_->set_environment("avx2");
  const auto outcome = outcome_of(attempt("f1"));
  EXPECT_EQ(outcome.status, Status::succeeded);
  EXPECT_EQ(to_json(outcome.outputs), R"({"n":4})");
  EXPECT_EQ(outcome.environment, Value("avx2"));
  EXPECT_LE(outcome.usage.started, outcome.usage.ended);
  EXPECT_EQ(seen.path, "task");
  EXPECT_EQ(seen.effect_key, "r1/task");
  EXPECT_EQ(to_json(seen.with), R"({"n":3})");
}

TEST_F(ServiceExecutorTest, KnowsHowFarACallIs) {
  Gate gate;
  ports::ReportProgress report;
  work([&](const ports::ServiceCall& call) -> Result<Struct> {
    report = call.report;
    gate.pass(call.cancel);
    return one("n", 1);
  });
  executor_->start(attempt("f1"));
  gate.wait_for_a_call();
  EXPECT_FALSE(executor_->progress({"f1"})) << "it has reported nothing";
  report(1, 4, "files");
  report(3, 4, "files");
  const auto progress = executor_->progress({"f1"});
  ASSERT_TRUE(progress);
  EXPECT_EQ(progress->done, 3);
  EXPECT_EQ(progress->total, 4);
  EXPECT_EQ(progress->unit, "files");
  EXPECT_EQ(progress->share(), 0.75);
  EXPECT_FALSE(executor_->progress({"f2"}));
  gate.open();
  outcomes_.wait_for("f1");
  EXPECT_FALSE(executor_->progress({"f1"}));
  report(4, 4, "files");  // a host may report late
}

TEST_F(ServiceExecutorTest, GivesEachCallAnEmptyScratchFolderAndRemovesIt) {
  // Left by a crash: one whose call is repeated, and one whose call never is.
  std::filesystem::create_directories(folder_->path() / "service-f1" / "left");
  std::filesystem::create_directories(folder_->path() / "service-f0" / "left");
  std::filesystem::path scratch;
  work([&](const ports::ServiceCall& call) -> Result<Struct> {
    scratch = call.scratch;
    EXPECT_TRUE(std::filesystem::is_empty(scratch));
    EXPECT_OK(os::write_file(scratch / "file", "x"));
    std::filesystem::create_directory(scratch / "locked");
    EXPECT_OK(os::write_file(scratch / "locked" / "file", "x"));
    std::filesystem::permissions(scratch / "locked",
                                 std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
    return one("n", 1);
  });
  EXPECT_EQ(outcome_of(attempt("f1")).status, Status::succeeded);
  EXPECT_FALSE(scratch.empty());
  EXPECT_EQ(left_behind(), 0U);
}

TEST_F(ServiceExecutorTest, ReportsAFailureWithTheServicesMessage) {
  work([](const ports::ServiceCall&) -> Result<Struct> {
    return Fail(user_error(Code::invalid_argument, "cat.png: not a picture").with_note("it is a text"));
  });
  const auto outcome = outcome_of(attempt("f1"));
  EXPECT_EQ(outcome.status, Status::failed);
  EXPECT_EQ(outcome.failure.kind, "service");
  EXPECT_EQ(outcome.failure.message, "cat.png: not a picture");
  EXPECT_EQ(to_json(outcome.failure.payload), R"({"code":"invalid_argument","notes":["it is a text"]})");
  EXPECT_EQ(left_behind(), 0U);
}

TEST_F(ServiceExecutorTest, ChecksArgumentsBeforeTheCall) {
  work([](const ports::ServiceCall&) -> Result<Struct> { return one("n", 1); });
  EXPECT_EQ(outcome_of(attempt("f1", one("n", "three"))).failure.message,
            "test.work: input `n` should be an integer, but it is a string");
  EXPECT_EQ(outcome_of(attempt("f2", {})).failure.message,
            "test.work: input `n` is missing; it should be an integer");
  EXPECT_EQ(service_->calls("task"), 0);
}

TEST_F(ServiceExecutorTest, ChecksTheResultsOfTheService) {
  work([](const ports::ServiceCall& call) -> Result<Struct> {
    return call.with.find("n")->if_integer() ? one("n", "text") : Struct{};
  });
  const auto outcome = outcome_of(attempt("f1"));
  EXPECT_EQ(outcome.status, Status::failed);
  EXPECT_EQ(outcome.failure.message, "test.work: output `n` should be an integer, but it is a string");
  EXPECT_EQ(outcome.failure.payload.text_at("code"), "internal");
}

TEST_F(ServiceExecutorTest, CancelsACallThatRuns) {
  Gate gate;
  auto& executor = work([&](const ports::ServiceCall& call) -> Result<Struct> {
    if (!gate.pass(call.cancel)) return Fail(user_error(Code::cancelled, "stopped"));
    return one("n", 1);
  });
  executor.start(attempt("f1"));
  gate.wait_for_a_call();
  executor.cancel({"f1"});
  EXPECT_EQ(outcomes_.wait_for("f1").status, Status::cancelled);
  executor.cancel({"nobody"});
  EXPECT_EQ(left_behind(), 0U);
}

TEST_F(ServiceExecutorTest, NeverCallsWhatWasCancelledWhileItWaited) {
  Gate gate;
  auto& executor = work(
      [&](const ports::ServiceCall& call) -> Result<Struct> {
        gate.pass(call.cancel);
        return one("n", 1);
      },
      1);
  executor.start(attempt("f1"));
  gate.wait_for_a_call();
  executor.start(attempt("f2"));
  executor.cancel({"f2"});
  gate.open();
  EXPECT_EQ(outcomes_.wait_for("f2").status, Status::cancelled);
  EXPECT_EQ(outcomes_.wait_for("f1").status, Status::succeeded);
  EXPECT_EQ(service_->calls("task"), 1);
}

TEST_F(ServiceExecutorTest, CallsTheServiceOnceForARunningFence) {
  Gate gate;
  auto& executor = work([&](const ports::ServiceCall& call) -> Result<Struct> {
    gate.pass(call.cancel);
    return one("n", 1);
  });
  executor.start(attempt("f1"));
  executor.start(attempt("f1"));
  gate.open();
  EXPECT_EQ(outcomes_.wait_for("f1").status, Status::succeeded);
  executor_.reset();
  EXPECT_EQ(service_->calls("task"), 1);
  EXPECT_EQ(outcomes_.count("f1"), 1U);
}

TEST_F(ServiceExecutorTest, LeavesACallOpenThatTheShutdownInterrupted) {
  Gate gate;
  auto& executor = work([&](const ports::ServiceCall& call) -> Result<Struct> {
    if (!gate.pass(call.cancel)) return Fail(user_error(Code::cancelled, "stopped"));
    return one("n", 1);
  });
  executor.start(attempt("f1"));
  gate.wait_for_a_call();
  executor_.reset();
  EXPECT_EQ(outcomes_.count("f1"), 0U) << "the journal must keep it open, so that it is called again";
}

TEST_F(ServiceExecutorTest, ReportsAnUnknownService) {
  work([](const ports::ServiceCall&) -> Result<Struct> { return one("n", 1); });
  const auto outcome = outcome_of(attempt("f1", {}, "test.wrok"));
  EXPECT_EQ(outcome.status, Status::failed);
  EXPECT_EQ(outcome.failure.message, "this server has no service `test.wrok`");
  EXPECT_EQ(executor_->environment(attempt("f1", {}, "test.wrok").work).error().message,
            "there is no service `test.wrok`");
}

TEST_F(ServiceExecutorTest, PutsVersionAndEnvironmentIntoTheCacheKey) {
  auto& executor = work([](const ports::ServiceCall&) -> Result<Struct> { return one("n", 1); });
  EXPECT_EQ(to_json(*executor.environment(attempt("f1").work)),
            R"({"service":"test.work","version":"2.1.0"})");
  service_->set_environment(one("model", "abc"));
  EXPECT_EQ(to_json(*executor.environment(attempt("f1").work)),
            R"({"service":"test.work","version":"2.1.0","environment":{"model":"abc"}})");
}

}  // namespace
}  // namespace sluice::executors
