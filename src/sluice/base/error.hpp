#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// What went wrong, as one of the few kinds that a caller can act on. Each maps to one HTTP status
/// (`http_status`).
enum class Code {
  invalid_argument,  ///< the request can never work as it is
  not_found,
  already_exists,
  failed_precondition,  ///< right request, wrong moment: something must be done first
  conflict,             ///< a concurrent change came first; read again and retry
  permission_denied,
  unauthenticated,
  too_large,  ///< over a stated limit
  exhausted,  ///< quota, memory, descriptors: available again when other work finishes
  disk_full,
  unavailable,  ///< may work later
  deadline_exceeded,
  cancelled,
  data_loss,  ///< stored bytes are damaged
  internal,   ///< a bug in Sluice
};

/// Who has to act: decides retry, log level and status class.
enum class Blame { user, environment, sluice };

/// A failure, with a message for the person who caused it: where, what and a hint.
/// `message` starts in lower case and has no final period. A failed step of a run is an event, not an Error.
struct Error {
  Code code = Code::internal;
  std::string message;
  Blame blame = Blame::user;
  std::vector<std::string> notes;

  // Defined in error.cpp: every function that can fail would otherwise compile them again.
  Error();
  Error(Code code, std::string message, Blame blame, std::vector<std::string> notes = {});
  ~Error();
  Error(const Error& other);
  Error(Error&& other) noexcept;
  Error& operator=(const Error& other);
  Error& operator=(Error&& other) noexcept;

  [[nodiscard]] Error with_note(std::string note) &&;
  /// The same error with `prefix` put before its message ("PREFIX: MESSAGE").
  [[nodiscard]] Error at(std::string_view prefix) &&;
};

Error user_error(Code code, std::string message);
/// A user error, "WHERE: WHY": the content of a file or a field (`where`) is not acceptable as it is.
Error invalid_argument(std::string_view where, std::string_view why);
Error environment_error(Code code, std::string message);
/// A fault of Sluice: a bug, or stored data that is not as it was written.
Error internal_error(Code code, std::string message);
/// An Error from `errno`: picks the code, appends the system's message. `what` is the operation that failed
/// ("open FILE").
Error system_error(std::string_view what, int error_number);

std::string_view name(Code code);
/// The code with this name, or `internal` for a name that only a later version knows.
Code code_named(std::string_view name);
int http_status(Code code);

}  // namespace sluice
