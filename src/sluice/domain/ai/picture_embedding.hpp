#pragma once
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/domain/ai/feature_cache.hpp"
#include "sluice/domain/ai/feature_table.hpp"
#include "sluice/domain/serving/hosts.hpp"
#include "sluice/ports/object_store.hpp"

namespace sluice::ai {

/// One embedding of a data set: the pictures whose features are known are not read; the others are sent to a
/// host, few at a time. It survives the death of a host: what is done stays done. One thread at a time;
/// blocks.
class PictureEmbedding {
 public:
  struct Parts {
    const ports::ObjectStore& objects;
    const std::vector<ports::TreeFile>& pictures;
    const Digest& base;
    std::filesystem::path cache;  ///< the folder of the feature cache
    std::filesystem::path out;    ///< an empty folder, for the table
    const std::stop_token& cancel;
    const ports::ReportProgress& report;
  };
  explicit PictureEmbedding(Parts parts);
  ~PictureEmbedding();

  /// Embeds what is left, on this host. Code::unavailable if the host died.
  Result<void> continue_on(serving::HostLease& host);
  /// "PATH: WHY" of every picture that cannot be read, in their order.
  [[nodiscard]] std::vector<std::string> problems() const;
  /// Writes the rest of the table, unless there are problems.
  Result<void> finish();

 private:
  struct Replies;
  Result<void> begin(serving::HostLease& host);
  void send(serving::HostLease& host, std::size_t picture, std::string bytes);
  Result<void> take(std::size_t picture, Result<ports::HostResponse> reply);
  void cannot_read(std::size_t picture, std::string_view why);
  void count_one();

  Parts parts_;
  std::optional<FeatureCache> cache_;
  std::optional<FeatureTable> table_;
  std::size_t columns_ = 0;
  std::size_t done_ = 0;
  std::vector<std::size_t> left_;  ///< pictures to be embedded; the next one is the last
  std::map<std::size_t, std::string> problems_;
  std::shared_ptr<Replies> replies_;
};

}  // namespace sluice::ai
