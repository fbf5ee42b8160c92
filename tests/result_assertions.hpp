#pragma once
// Assertions on `Result`: a failure shows the error's code, message and notes.
#include <source_location>
#include <stdexcept>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "sluice/base/result.hpp"

namespace sluice::test {

/// "CODE: MESSAGE", and each note on a line of its own.
inline std::string description_of(const Error& error) {
  auto text = std::string(name(error.code)) + ": " + error.message;
  for (const auto& note : error.notes) text += "\n  " + note;
  return text;
}

template <typename T>
testing::AssertionResult is_ok(const char* expression, const Result<T>& result) {
  if (result) return testing::AssertionSuccess();
  return testing::AssertionFailure() << expression << " failed: " << description_of(result.error());
}

/// The value of the result. An error ends the test: it is thrown, and GoogleTest reports it as a failure. For
/// helpers that return the value, where ASSERT_OK cannot be used.
template <typename T>
T value_of(Result<T> result, std::source_location at = std::source_location::current()) {
  if (!result)
    throw std::runtime_error(std::string(at.file_name()) + ":" + std::to_string(at.line()) + ": " +
                             description_of(result.error()));
  return std::move(*result);
}

/// The error of the result; one that is none ends the test.
template <typename T>
Error error_of(const Result<T>& result, std::source_location at = std::source_location::current()) {
  if (result)
    throw std::runtime_error(std::string(at.file_name()) + ":" + std::to_string(at.line()) + ": no error");
  return result.error();
}

/// The message of the error, or "" if there is none.
template <typename T>
std::string message_of(const Result<T>& result) {
  return result ? "" : result.error().message;
}

}  // namespace sluice::test

/// The result holds a value; its expression is evaluated once. A message can be added with `<<`.
#define ASSERT_OK(result) ASSERT_PRED_FORMAT1(::sluice::test::is_ok, result)
#define EXPECT_OK(result) EXPECT_PRED_FORMAT1(::sluice::test::is_ok, result)
