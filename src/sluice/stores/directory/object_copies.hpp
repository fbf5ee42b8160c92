#pragma once
#include <filesystem>
#include <memory>

#include "sluice/base/result.hpp"
#include "sluice/ports/storage.hpp"

// The objects of a data folder, copied to another one: backups.

namespace sluice::stores {

/// While this exists, no sweep removes an object, in any process.
class ObjectsHeld {
 public:
  /// Code::failed_precondition if a sweep is under way.
  static Result<ObjectsHeld> hold(const std::filesystem::path& objects);
  ~ObjectsHeld();
  ObjectsHeld(ObjectsHeld&&) noexcept;
  ObjectsHeld& operator=(ObjectsHeld&&) noexcept;

 private:
  struct Impl;
  explicit ObjectsHeld(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Copies every object to the new folder `to`: shares their blocks or their files where the file system can.
Result<ports::Room> share_objects(const std::filesystem::path& objects, const std::filesystem::path& to,
                                  const Clock& clock);
/// Copies every object to the new folder `to`, and checks each against its digest: Code::data_loss, with the
/// damaged ones as notes, after all have been checked.
Result<ports::Room> copy_checked(const std::filesystem::path& objects, const std::filesystem::path& to,
                                 const Clock& clock);

}  // namespace sluice::stores
