#pragma once
#include <filesystem>
#include <memory>
#include <string>

#include "sluice/host/confinement.hpp"
#include "sluice/host/media/preprocessing.hpp"
#include "sluice/runtimes/openvino/openvino.hpp"

namespace sluice::host {

/// A loaded base model: turns preprocessed pictures into features. Immutable.
struct BaseModel {
  std::string digest;  ///< of the repository's files, as the server names it
  std::string tap;     ///< the output that features are taken from
  media::Preprocessing preprocessing;
  std::unique_ptr<runtimes::ItemModel> network;
};

/// Reads model.json in `folders.base` ("file", "taps", "preprocessing") and the files that it names, and
/// compiles the network, unless it is in `folders.compiled`; then keeps it in `folders.scratch`. Both may be
/// empty. Messages name the file in the repository.
Result<std::shared_ptr<const BaseModel>> load_base_model(runtimes::OpenVino& runtime,
                                                         const std::string& digest,
                                                         const HostFolders& folders, const std::string& tap);

}  // namespace sluice::host
