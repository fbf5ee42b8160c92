#pragma once
// What sweeps and checks need of the files of the store. Private to this module.
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "sluice/ports/storage.hpp"
#include "sluice/stores/directory/object_files.hpp"

namespace sluice::stores::directory {

Result<std::unique_ptr<ports::ObjectSweep>> begin_sweep(const ObjectFiles& objects, Time limit);
Result<void> each_object(const ObjectFiles& objects,
                         const std::function<Result<void>(const ports::ObjectInfo&)>& take);
std::optional<ports::ObjectStorage::Parts> parts_of(const ObjectFiles& objects, const Digest& digest);
Result<void> verify(const ObjectFiles& objects, const Digest& digest);

}  // namespace sluice::stores::directory
