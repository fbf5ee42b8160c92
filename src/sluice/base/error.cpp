#include "sluice/base/error.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace sluice {
namespace {

struct CodeRow {
  Code code;
  std::string_view name;
  int http;
};

constexpr std::array rows{
    CodeRow{Code::invalid_argument, "invalid_argument", 400},
    CodeRow{Code::not_found, "not_found", 404},
    CodeRow{Code::already_exists, "already_exists", 409},
    CodeRow{Code::failed_precondition, "failed_precondition", 409},
    CodeRow{Code::conflict, "conflict", 409},
    CodeRow{Code::permission_denied, "permission_denied", 403},
    CodeRow{Code::unauthenticated, "unauthenticated", 401},
    CodeRow{Code::too_large, "too_large", 413},
    CodeRow{Code::exhausted, "exhausted", 429},
    CodeRow{Code::disk_full, "disk_full", 507},
    CodeRow{Code::unavailable, "unavailable", 503},
    CodeRow{Code::deadline_exceeded, "deadline_exceeded", 504},
    CodeRow{Code::cancelled, "cancelled", 499},
    CodeRow{Code::data_loss, "data_loss", 500},
    CodeRow{Code::internal, "internal", 500},
};

const CodeRow& row_of(Code code) {
  for (const auto& row : rows)
    if (row.code == code) return row;
  return rows.back();
}

Code code_of_errno(int error_number) {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR: return Code::not_found;
    case EEXIST: return Code::already_exists;
    case EACCES:
    case EPERM:
    case EROFS: return Code::permission_denied;
    case ENOSPC:
    case EDQUOT: return Code::disk_full;
    case EMFILE:
    case ENFILE:
    case ENOMEM: return Code::exhausted;
    case ENAMETOOLONG:
    case EINVAL:
    case ELOOP: return Code::invalid_argument;
    default: return Code::unavailable;
  }
}

}  // namespace

Error::Error() = default;
Error::Error(Code the_code, std::string the_message, Blame the_blame, std::vector<std::string> the_notes)
    : code(the_code), message(std::move(the_message)), blame(the_blame), notes(std::move(the_notes)) {}
Error::~Error() = default;
Error::Error(const Error& other) = default;
Error::Error(Error&& other) noexcept = default;
Error& Error::operator=(const Error& other) = default;
Error& Error::operator=(Error&& other) noexcept = default;

Error Error::with_note(std::string note) && {
  notes.push_back(std::move(note));
  return std::move(*this);
}

Error Error::at(std::string_view prefix) && {
  message = std::string(prefix) + ": " + message;
  return std::move(*this);
}

Error user_error(Code code, std::string message) { return {code, std::move(message), Blame::user}; }

Error invalid_argument(std::string_view where, std::string_view why) {
  return user_error(Code::invalid_argument, std::string(why)).at(where);
}

Error environment_error(Code code, std::string message) {
  return {code, std::move(message), Blame::environment};
}

Error internal_error(Code code, std::string message) { return {code, std::move(message), Blame::sluice}; }

Error system_error(std::string_view what, int error_number) {
  return environment_error(code_of_errno(error_number),
                           "cannot " + std::string(what) + ": " + std::strerror(error_number));
}

std::string_view name(Code code) { return row_of(code).name; }

Code code_named(std::string_view name) {
  for (const auto& row : rows)
    if (row.name == name) return row.code;
  return Code::internal;
}

int http_status(Code code) { return row_of(code).http; }

}  // namespace sluice
