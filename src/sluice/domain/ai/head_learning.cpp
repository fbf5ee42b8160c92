#include "sluice/domain/ai/head_learning.hpp"

#include <atomic>
#include <cerrno>
#include <fstream>
#include <map>

#include <fmt/format.h>

namespace sluice::ai {
namespace {

// A piece in memory on both sides; larger ones are no faster.
constexpr std::size_t piece_bytes = std::size_t{4} << 20;
constexpr std::int64_t output_bytes_max = std::int64_t{4} << 30;

class Learning {
 public:
  Learning(serving::HostLease& host, const std::stop_token& cancel) : host_(host), cancel_(cancel) {
    static std::atomic<std::uint64_t> made = 0;
    key_ = std::to_string(++made);
  }
  /// Whatever became of it, the host releases the files.
  ~Learning() {
    host_.call("end_learning", params(), {}, [](Result<ports::HostResponse>) {});
  }
  Learning(const Learning&) = delete;
  Learning& operator=(const Learning&) = delete;

  [[nodiscard]] Struct params() const {
    Struct out;
    out.set("learning", key_);
    return out;
  }

  /// Announces the sizes of the inputs: the host refuses what its memory does not allow.
  Result<void> begin(const std::map<std::string, std::filesystem::path>& inputs) {
    auto with = params();
    for (const auto& [name, file] : inputs) {
      std::error_code failed;
      const auto bytes = std::filesystem::file_size(file, failed);
      if (failed) return Fail(system_error("read " + name, failed.value()));
      with.set(name, static_cast<std::int64_t>(bytes));
    }
    SLUICE_DO(serving::call_and_wait(host_, "begin_learning", std::move(with), {}, cancel_));
    return {};
  }

  Result<void> send(const std::string& name, const std::filesystem::path& file) {
    errno = 0;
    std::ifstream in(file, std::ios::binary);
    std::string piece(piece_bytes, '\0');
    while (in.read(piece.data(), static_cast<std::streamsize>(piece.size())) || in.gcount() > 0) {
      auto with = params();
      with.set("name", name);
      SLUICE_DO(serving::call_and_wait(host_, "add_input", std::move(with),
                                       piece.substr(0, static_cast<std::size_t>(in.gcount())), cancel_));
    }
    if (!in.eof()) return Fail(system_error("read " + name, errno != 0 ? errno : EIO));
    return {};
  }

  Result<Value> learn(Struct with, const ports::ReportProgress& report) {
    with.set("learning", key_);
    SLUICE_TRY(reply, serving::call_and_wait(host_, "learn_head", std::move(with), {}, cancel_, report));
    return std::move(reply.result);
  }

  /// The host is not trusted: it may announce and send anything.
  Result<void> fetch(const Value& learned, const std::string& name, const std::filesystem::path& file) {
    const auto bytes = learned.integer_at(name, -1);
    const auto refuse = [&] {
      return Fail(internal_error(Code::internal, fmt::format("the model host gave a wrong {}", name)));
    };
    if (bytes < 0 || bytes > output_bytes_max) return refuse();
    errno = 0;
    std::ofstream out(file, std::ios::binary);
    for (std::int64_t got = 0; got < bytes;) {
      auto with = params();
      with.set("name", name);
      with.set("offset", got);
      SLUICE_TRY(reply, serving::call_and_wait(host_, "read_output", std::move(with), {}, cancel_));
      const auto piece = static_cast<std::int64_t>(reply.payload.size());
      if (piece == 0 || piece > bytes - got) return refuse();
      out.write(reply.payload.data(), piece);
      got += piece;
    }
    out.close();
    if (!out) return Fail(system_error("write " + name, errno != 0 ? errno : EIO));
    return {};
  }

 private:
  serving::HostLease& host_;
  const std::stop_token& cancel_;
  std::string key_;
};

}  // namespace

Result<Value> learn_on(serving::HostLease& host, const LearningFolders& folders, Struct params,
                       const std::stop_token& cancel, const ports::ReportProgress& report) {
  Learning learning(host, cancel);
  const std::map<std::string, std::filesystem::path> inputs = {
      {"features.npy", folders.features / "features.npy"},
      {"index.json", folders.features / "index.json"},
      {"split.json", folders.split}};
  SLUICE_DO(learning.begin(inputs));
  for (const auto& [name, file] : inputs) SLUICE_DO(learning.send(name, file));
  const bool appraise = Value(params).boolean_at("appraise");
  SLUICE_TRY(learned, learning.learn(std::move(params), report));
  std::error_code failed;
  std::filesystem::create_directories(folders.out / "model", failed);
  if (failed) return Fail(system_error("make " + folders.out.string(), failed.value()));
  SLUICE_DO(learning.fetch(learned, "model.json", folders.out / "model" / "model.json"));
  SLUICE_DO(learning.fetch(learned, "head.onnx", folders.out / "model" / "head.onnx"));
  SLUICE_DO(learning.fetch(learned, "predictions.json", folders.out / "predictions.json"));
  if (appraise) SLUICE_DO(learning.fetch(learned, "appraisal.json", folders.out / "appraisal.json"));
  const auto* summary = learned.find("summary");
  return summary != nullptr ? *summary : Value(Struct{});
}

}  // namespace sluice::ai
