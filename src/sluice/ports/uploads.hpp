#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "sluice/base/ids.hpp"
#include "sluice/ports/object_store.hpp"

namespace sluice::ports {

/// An object that a client sends in parts.
struct Upload {
  std::string id;
  std::int64_t size = 0;         ///< of the whole object
  std::int64_t received = 0;     ///< the next part begins here
  std::optional<Digest> digest;  ///< which the bytes must have; nullopt: the client does not know it yet
};

/// The uploads under way: bounded in number and size, kept for a day after the last part, and resumed after
/// the death of either side. Nothing of them is an object before all of it has arrived. Thread-safe.
class Uploads {
 public:
  virtual ~Uploads() = default;
  /// Begins an upload, or returns the one of this workspace that is under way for the same digest and size.
  /// Code::exhausted if there are too many, Code::disk_full if there is no space for it.
  virtual Result<Upload> begin(const Principal& principal, std::int64_t size,
                               const std::optional<Digest>& digest) = 0;
  /// Code::not_found for one that has ended, or is another workspace's.
  [[nodiscard]] virtual Result<Upload> find(const Principal& principal, const std::string& id) const = 0;

  /// What a part led to.
  struct Received {
    Upload upload;
    std::optional<Stored>
        stored;  ///< set by the last part: the object is in the store, and the upload has ended
  };
  /// Appends a part, whole or not at all. Code::conflict if it does not begin where the parts before it end.
  /// Code::invalid_argument if it exceeds the size, or if all bytes have another digest; the upload has ended
  /// then.
  virtual Result<Received> append(const Principal& principal, const std::string& id, std::int64_t offset,
                                  std::string_view bytes) = 0;

  /// Begins one of so many parts, numbered from 1, whose sizes are not known: they may arrive in any order,
  /// and at the same time. It ends with the server. Returns its id, with which `find` and `append` find
  /// nothing.
  virtual Result<std::string> begin_parts(const Principal& principal, std::int64_t parts) = 0;
  /// Takes the part whose bytes are in `file`, whole or not at all. The same one again changes nothing.
  /// Code::conflict if other bytes have arrived as this part, Code::invalid_argument if there is no such
  /// part.
  virtual Result<void> put_part(const Principal& principal, const std::string& id, std::int64_t number,
                                const std::filesystem::path& file) = 0;
  /// The object is in the store now, and the upload has ended. Code::failed_precondition while parts are
  /// missing; the upload is under way then.
  virtual Result<Stored> complete(const Principal& principal, const std::string& id) = 0;

  /// Removes what has arrived.
  virtual Result<void> cancel(const Principal& principal, const std::string& id) = 0;
};

}  // namespace sluice::ports
