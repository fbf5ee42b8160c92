#pragma once
#include <string>

#include "sluice/base/digest.hpp"
#include "sluice/ports/object_store.hpp"

namespace sluice::serving {

/// The two files of a head, as a host is sent them: it opens none itself.
struct HeadFiles {
  std::string description;  ///< model.json
  std::string graph;        ///< the file that it names; empty if it names none, which the host reports
};

/// Reads a head from the object store. Fails if a file is missing, damaged or larger than a head may be.
Result<HeadFiles> read_head(const ports::ObjectStore& objects, const Artifact& head);

/// The params and the payload of `load_head`.
Value load_params(const Digest& head, const Digest& base, const HeadFiles& files);
std::string payload_of(const HeadFiles& files);

}  // namespace sluice::serving
