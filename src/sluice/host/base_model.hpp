#pragma once
#include <filesystem>
#include <memory>
#include <string>

#include "sluice/host/media/preprocessing.hpp"
#include "sluice/runtimes/openvino/openvino.hpp"

namespace sluice::host {

/// A base model's repository, loaded: from prepared pictures to features. Frozen once made.
struct BaseModel {
  std::string digest;  ///< of the repository's files, as the server names it
  std::string tap;     ///< the output that features are taken from
  media::Preprocessing preprocessing;
  std::filesystem::path cache;  ///< where compiled models are kept, its heads' too; empty: nowhere
  std::unique_ptr<runtimes::ItemModel> network;
};

/// Reads `folder`/model.json ("file", "taps", "preprocessing") and what it names, and compiles the network.
/// `cache` may be empty. Messages name the file in the repository.
Result<std::shared_ptr<const BaseModel>> load_base_model(runtimes::OpenVino& runtime,
                                                         const std::string& digest,
                                                         const std::filesystem::path& folder,
                                                         const std::filesystem::path& cache,
                                                         const std::string& tap);

}  // namespace sluice::host
