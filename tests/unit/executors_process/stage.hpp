#pragma once
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>

#include "places.hpp"
#include "sluice/base/json.hpp"
#include "sluice/executors/process/process_executor.hpp"
#include "sluice/ipc/supervisor/codec.hpp"
#include "sluice/os/files.hpp"
#include "sluice/os/socket.hpp"
#include "sluice/stores/directory/directory_object_store.hpp"
#include "waiting.hpp"

namespace sluice::executors {

using namespace std::chrono_literals;
using engine::Outcome;
using test::wait_until;

/// Keeps outcomes as a driver would receive them.
class Outcomes final : public ports::OutcomeSink {
 public:
  void ended(const Fence& fence, Outcome outcome) override {
    {
      const std::lock_guard lock(mutex_);
      got_.emplace(fence.text, std::move(outcome));
    }
    changed_.notify_all();
  }
  /// The next outcome of the fence.
  Outcome of(const std::string& fence) {
    std::unique_lock lock(mutex_);
    const bool came = changed_.wait_for(lock, 120s, [&] { return got_.contains(fence); });
    EXPECT_TRUE(came) << "no outcome of " << fence;
    if (!came) return {};
    return std::move(got_.extract(got_.find(fence)).mapped());
  }
  std::size_t count() {
    const std::lock_guard lock(mutex_);
    return got_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::multimap<std::string, Outcome> got_;
};

/// The real executor with a real supervisor and a real store, on a data folder of its own.
class Stage : public ::testing::Test {
 protected:
  Stage()
      : folder_(*os::TemporaryDirectory::make(std::filesystem::temp_directory_path(), "sluice-exec-")),
        store_(*stores::DirectoryObjectStore::open(data() / "objects", data() / "cache", clock_)) {
    open();
  }
  ~Stage() override {
    executor_.reset();
    if (auto fd = os::connect_unix(data() / "supervisor.sock")) {
      // A test that failed may have left it stopped.
      if (const auto pid = supervisor_pid(); pid > 0) kill(pid, SIGCONT);
      EXPECT_TRUE(
          os::write_all(fd->get(), encode(supervisor::Request(supervisor::Hello{})) +
                                       encode(supervisor::Request(supervisor::Shutdown{.force = true}))));
      char byte = 0;
      while (recv(fd->get(), &byte, 1, 0) > 0) {
      }
    }
  }

  /// Starts a server (again); the one before disconnects first.
  void open(std::filesystem::path program = test::release_program("sluice-supervisor"), Given given = {}) {
    executor_.reset();
    executor_ =
        std::make_unique<ProcessExecutor>(data(), *store_, outcomes_, clock_, std::move(program), given);
  }
  [[nodiscard]] const std::filesystem::path& data() const { return folder_.path(); }
  /// 0: none is running.
  [[nodiscard]] pid_t supervisor_pid() const {
    const auto holder = os::FileLock::holder_of(data() / "supervisor.lock");
    return holder && *holder ? std::stoi((*holder)->substr((*holder)->find("pid ") + 4)) : 0;
  }
  [[nodiscard]] ProcessExecutor& executor() { return *executor_; }
  [[nodiscard]] ports::ObjectStore& store() { return *store_; }
  [[nodiscard]] Outcomes& outcomes() { return outcomes_; }

  /// A command as the attempt `fence` of a task of that name.
  static ports::Attempt attempt(const std::string& fence, List argv) {
    ports::Attempt made{.run = {"run"}, .path = fence, .number = 1, .fence = {fence}};
    made.work.argv = std::move(argv);
    return made;
  }
  static ports::Attempt shell(const std::string& fence, const Value& line) {
    return attempt(fence, {"sh", "-c", line});
  }
  Outcome run(const ports::Attempt& attempt) {
    executor().start(attempt);
    return outcomes().of(attempt.fence.text);
  }
  [[nodiscard]] std::string log_of(const ports::Attempt& attempt) {
    return os::read_file(executor().log_of(attempt.run, attempt.path, attempt.number)).value_or("(no log)");
  }
  /// Its output; it must succeed.
  std::string printed(const ports::Attempt& attempt) {
    const auto outcome = run(attempt);
    EXPECT_EQ(outcome.status, Outcome::Status::succeeded) << outcome.failure.message;
    return log_of(attempt);
  }

  Artifact file(std::string_view bytes, const std::string& name = "") {
    const auto stored = store().put(bytes);
    return {.digest = stored->digest, .size = stored->size, .name = name};
  }
  /// A folder with these files: path → bytes; executable if they begin with "#!".
  Artifact folder(const std::map<std::string, std::string>& files) {
    const auto made = os::TemporaryDirectory::make(data());
    for (const auto& [name, bytes] : files) {
      EXPECT_TRUE(os::make_directories((made->path() / name).parent_path()));
      EXPECT_TRUE(os::write_file(made->path() / name, bytes, bytes.starts_with("#!") ? 0755 : 0644));
    }
    const auto stored = store().put_directory(made->path());
    EXPECT_TRUE(stored);
    return {.kind = "directory", .form = Form::directory, .digest = stored->digest, .size = stored->size};
  }
  static ir::TaskOutput value_output(const std::string& name, ir::Type::Kind kind,
                                     ir::TaskOutput::Encoding encoding = ir::TaskOutput::Encoding::json) {
    return {.name = name, .type = {.kind = kind}, .encoding = encoding};
  }
  static ir::TaskOutput artifact_output(const std::string& name, Form form) {
    return {.name = name, .type = {.kind = ir::Type::Kind::artifact, .artifact_kind = "thing"}, .form = form};
  }
  /// Text pieces, with ">name" for an output's path and an artifact for an input's.
  static Value late(const std::vector<std::variant<std::string, Artifact>>& parts) {
    Template made;
    for (const auto& part : parts) {
      if (const auto* artifact = std::get_if<Artifact>(&part)) {
        made.parts.emplace_back(PathPlaceholder{.kind = PathPlaceholder::Kind::input,
                                                .artifact = std::make_shared<const Artifact>(*artifact),
                                                .output = {}});
        continue;
      }
      const auto& text = std::get<std::string>(part);
      if (text.starts_with(">>"))
        made.parts.emplace_back(PathPlaceholder{
            .kind = PathPlaceholder::Kind::output, .artifact = nullptr, .output = text.substr(2)});
      else
        made.parts.emplace_back(text);
    }
    return made;
  }
  static bool is_alive(pid_t pid) {
    const auto stat = os::read_file("/proc/" + std::to_string(pid) + "/stat");
    return stat && stat->find(") Z ") == std::string::npos;
  }

 private:
  os::TemporaryDirectory folder_;
  SystemClock clock_;
  std::unique_ptr<stores::DirectoryObjectStore> store_;
  Outcomes outcomes_;
  std::unique_ptr<ProcessExecutor> executor_;
};

}  // namespace sluice::executors
