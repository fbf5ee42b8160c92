#include "sluice/net/head.hpp"

#include <algorithm>
#include <array>
#include <chrono>

#include <fmt/format.h>

#include "sluice/base/words.hpp"

namespace sluice::net {
namespace {

std::string_view reason(int status) {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 302: return "Found";
    case 304: return "Not Modified";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 499: return "Client Closed Request";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 507: return "Insufficient Storage";
    default: return "Status";
  }
}

void add_header(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ": ";
  for (const char c : value)
    if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) out.push_back(c);
  out += "\r\n";
}

/// Headers that `response_head` writes itself.
bool is_ours(std::string_view name) {
  constexpr std::array<std::string_view, 7> ours{"content-length",        "content-type", "connection",
                                                 "transfer-encoding",     "date",         "server",
                                                 "x-content-type-options"};
  return std::ranges::find(ours, lower_ascii(name)) != ours.end();
}

bool has_header(const ports::Response& response, std::string_view name) {
  return std::ranges::any_of(response.headers,
                             [name](const auto& header) { return lower_ascii(header.first) == name; });
}

bool is_token(std::string_view name) {
  if (name.empty()) return false;
  for (const unsigned char c : name)
    if (c <= 0x20 || c >= 0x7f || c == ':') return false;
  return true;
}

}  // namespace

bool has_body(int status) { return status >= 200 && status != 204 && status != 304; }

std::string http_date(Time time) {
  using namespace std::chrono;
  constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = floor<std::chrono::days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(floor<seconds>(time - day));
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", days.at(weekday(day).c_encoding()),
                     static_cast<unsigned>(date.day()), months.at(static_cast<unsigned>(date.month()) - 1),
                     static_cast<int>(date.year()), clock.hours().count(), clock.minutes().count(),
                     clock.seconds().count());
}

std::string response_head(const ports::Response& response, const BodyEnd& end, bool keep_alive, Time now) {
  std::string out = fmt::format("HTTP/1.1 {} {}\r\n", response.status, reason(response.status));
  add_header(out, "Date", http_date(now));
  add_header(out, "Server", "sluice");
  if (has_body(response.status)) {
    if (!response.content_type.empty()) add_header(out, "Content-Type", response.content_type);
    add_header(out, "X-Content-Type-Options", "nosniff");
    if (!has_header(response, "content-security-policy"))
      add_header(out, "Content-Security-Policy", "sandbox");
    if (end.length)
      add_header(out, "Content-Length", std::to_string(*end.length));
    else if (end.chunked)
      add_header(out, "Transfer-Encoding", "chunked");
  }
  for (const auto& [name, value] : response.headers)
    if (is_token(name) && !is_ours(name)) add_header(out, name, value);
  add_header(out, "Connection", keep_alive ? "keep-alive" : "close");
  out += "\r\n";
  return out;
}

}  // namespace sluice::net
