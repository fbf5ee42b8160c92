// Findings of clang-tidy, at least one for each check that .clang-tidy enables. Never compiled into anything:
// a test looks whether clang-tidy finds all of them with our plug-in as it does without.
// clang-format off: some of them are in the layout.
#include "planted.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <string>
#include <string_view>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>
#include "planted_part.cpp"

namespace elsewhere {
class Declared;
struct Real {};
}  // namespace elsewhere
namespace alias_never_used = elsewhere;
using elsewhere::Real;

namespace planted {

class Declared {};
class Real;

void argument_comment(int width, int height);
void call_argument_comment() { argument_comment(/*height=*/1, /*height=*/2); }

void assert_side_effect(int i) { assert(++i > 0); }

void bad_signal_to_kill_thread(pthread_t thread) { pthread_kill(thread, SIGTERM); }

int bool_pointer_implicit_conversion(bool* p) {
  if (p) return 1;
  return 0;
}

int* casting_through_void(double* d) { return static_cast<int*>(static_cast<void*>(d)); }

bool chained_comparison(int a, int b, int c) { return a < b < c; }

bool compare_member() { return &Base::carry_out == &Base::carry_out; }

struct Counted : Base {
  Counted() = default;
  Counted(const Counted&) = default;
  int counted = 0;
};
class CopyInit : public Counted {
 public:
  CopyInit() = default;
  CopyInit(const CopyInit& other) : value_(other.value_) {}

 private:
  int value_ = 0;
};

template <typename T>
class Crtp {
 public:
  Crtp() = default;
};
class UsesCrtp : Crtp<UsesCrtp> {};

std::string make_text();
std::string_view dangling_handle() {
  std::string_view view = std::string("gone");
  return view;
}

void empty_catch() {
  try {
    make_text();
  } catch (const std::exception&) {
  }
}

std::int64_t fold_init_type(const std::vector<std::int64_t>& all) { return std::accumulate(all.begin(), all.end(), 0); }

class Forwarding {
 public:
  template <typename T>
  explicit Forwarding(T&& value) : size_(sizeof(value)) {}

 private:
  std::size_t size_;
};

std::int64_t widening(int a, int b) { return a * b; }

void inaccurate_erase(std::vector<int>& v) { v.erase(std::remove(v.begin(), v.end(), 1)); }

bool inc_dec_in_conditions(int i) { return i++ > 0 && i < 9; }

template <typename T>
std::enable_if<std::is_integral_v<T>, int> incorrect_enable_if(T t);
template <typename T, typename = std::enable_if<std::is_integral_v<T>>>
void incorrect_enable_if_too(T) {}

int incorrect_roundings(double d) { return static_cast<int>(d + 0.5); }

int infinite_loop() {
  int i = 0;
  int j = 0;
  while (i < 10) ++j;
  return j;
}

double integer_division(int a, int b) { return a / b; }

const char* lambda_function_name() {
  return [] { return __func__; }();
}

#define TWICE(x) ((x) + (x))
int macro_repeated_side_effects(int i) { return TWICE(i++); }

char* misplaced_in_strlen(const char* s) { return static_cast<char*>(std::malloc(std::strlen(s + 1))); }
char* misplaced_pointer_arithmetic(int n) { return static_cast<char*>(std::malloc(n)) + 1; }

std::int64_t misplaced_widening_cast(int a, int b) { return static_cast<std::int64_t>(a * b); }

void sink(std::string&& text);
template <typename T>
void move_forwarding_reference(T&& t) {
  sink(std::move(t));
}

void takes_void(void* p);
void multi_level(char** p) { takes_void(p); }

struct Two {
  Two(int* a, int* b);
};
void multiple_new() {
  try {
    Two two(new int(1), new int(2));
    (void)two;
  } catch (const std::bad_alloc&) {
    std::abort();
  }
}

#define TWO_STATEMENTS(x) \
  ++(x);                  \
  ++(x)
void multiple_statement_macro(bool b, int& i) {
  if (b) TWO_STATEMENTS(i);
}

enum Flags { flag_a = 1, flag_b = 2, flag_c = 4 };
bool enum_to_bool(Flags f) { return f; }

void not_null_terminated(char* to, const char* from) { std::memcpy(to, from, std::strlen(from)); }

void wants_optional(std::optional<int> i);
void optional_value_conversion(std::optional<int> i) { wants_optional(i.value()); }

class Grandchild : public CopyInit {
 public:
  void carry_out() override { Base::carry_out(); }
};
class Child : public Base {
 public:
  void carry_out() override {}
};
class OfChild : public Child {
 public:
  void carry_out() override { Base::carry_out(); }
};

Base* polymorphic_arithmetic(Base* b) { return b + 1; }

bool posix_return(pthread_t t) { return pthread_detach(t) < 0; }

bool redundant_branch(bool on) {
  if (on) {
    if (on) return true;
  }
  return false;
}

int _Reserved = 0;

const std::string& const_ref_from_parameter(const std::string& text) { return text; }

void shared_array() {
  std::shared_ptr<int> p(new int[3]);
  (void)p;
}
void unique_array() {
  std::unique_ptr<int> p(new int[3]);
  (void)p;
}

void handler(int) { std::printf("not safe"); }
void signal_handler() { std::signal(SIGINT, handler); }

int signed_char_misuse(signed char c) {
  int i = c;
  return i;
}

std::size_t sizeof_container(const std::vector<int>& v) { return sizeof(v); }
std::size_t sizeof_expression(int* p) { return sizeof(sizeof(p)); }

void spurious(std::condition_variable& c, std::mutex& m, bool b) {
  std::unique_lock<std::mutex> lock(m);
  if (!b) {
    c.wait(lock);
  }
}

void standalone_empty(std::vector<int>& v) { v.empty(); }

std::string string_constructor() { return std::string('x', 50); }
void string_integer(std::string& s, int i) { s = i; }
std::string embedded_nul() { return std::string("a\0b"); }

enum Kinds { kind_a, kind_b, kind_c = 100 };
int suspicious_enum() { return kind_b | flag_b; }

struct Padded {
  char c;
  int i;
};
bool memory_comparison(const Padded& a, const Padded& b) { return std::memcmp(&a, &b, sizeof(Padded)) == 0; }
void memset_usage(int* p, std::size_t n) { std::memset(p, '0', n); }

const char* const missing_comma[] = {"one", "two", "three", "four", "five" "six", "seven", "eight", "nine", "ten", "eleven"};

void* realloc_usage(void* p) {
  p = std::realloc(p, 2);
  return p;
}

void suspicious_semicolon(bool b) {
  if (b);
  std::abort();
}
bool string_compare(const char* a, const char* b) { return !!std::strcmp(a, b) && std::strcmp(a, b) == 2; }

void swapped(int width, double ratio);
void swapped_arguments(int i, double d) { swapped(d, i); }

int switch_default(int i) {
  switch (i) {
    case 1: return 2;
    case 2: return 3;
  }
  return 0;
}

void terminating_continue(int i) {
  do {
    if (i > 3) continue;
    ++i;
  } while (false);
}

void throw_missing() { std::runtime_error("never thrown"); }

int too_small(std::size_t n) {
  int sum = 0;
  for (short i = 0; i < n; ++i) sum += i;
  return sum;
}

void undefined_memory(Holder& h) { std::memset(&h, 0, sizeof(h)); }

class Undelegated {
 public:
  Undelegated() = default;
  explicit Undelegated(int) { Undelegated(); }
};

void exception_at_new() noexcept {
  auto* p = new int(3);
  *p = 4;
  delete p;
}

class SelfAssign {
 public:
  SelfAssign& operator=(const SelfAssign& other) {
    delete[] data_;
    data_ = new char[3];
    *data_ = *other.data_;
    return *this;
  }

 private:
  char* data_ = nullptr;
};

void unsafe(char* to, std::size_t n) {
  (void)n;
  (void)std::tmpnam(to);
  std::rewind(stdin);
}
void unused_local() { std::string unused; }
struct Guard {
  explicit Guard(int i);
  ~Guard();
};
void unused_raii() {
  Guard(42);
  unused_local();
}
std::size_t use_after_move(std::string s) {
  auto t = std::move(s);
  return s.size() + t.size();
}

bool redundant_expression(int i) { return i == 1 || i == 1; }
void static_assertion() { assert(sizeof(int) == 4); }
void throw_by_value() { throw new std::runtime_error("by pointer"); }

class Unconventional {
 public:
  void operator=(const Unconventional&) {}
};
void reset_release(std::unique_ptr<int>& a, std::unique_ptr<int>& b) { a.reset(b.release()); }
int unused_parameter(int i) { return 3; }

std::shared_ptr<Holder> make_shared_missing() { return std::shared_ptr<Holder>(new Holder("a")); }
std::unique_ptr<Holder> make_unique_missing() { return std::unique_ptr<Holder>(new Holder("a")); }
void emplace(std::vector<Holder>& v) { v.push_back(Holder("a")); }
int* null_pointer() { return 0; }

std::size_t faster_find(const std::string& s) { return s.find("a"); }
std::size_t for_range_copy(const std::vector<std::string>& v) {
  std::size_t n = 0;
  for (const auto s : v) n += s.size();
  return n;
}
struct Convertible {
  Convertible(const std::string& s);
  std::string s;
};
std::size_t conversion_in_loop(const std::vector<std::string>& v) {
  std::size_t n = 0;
  for (const Convertible& c : v) n += c.s.size();
  return n;
}
bool inefficient_algorithm(const std::set<int>& s) { return std::find(s.begin(), s.end(), 43) != s.end(); }
std::string concatenation(const std::vector<std::string>& v) {
  std::string all;
  for (const auto& s : v) all = all + s;
  return all;
}
std::vector<int> vector_operation(int n) {
  std::vector<int> v;
  for (int i = 0; i < n; ++i) v.push_back(i);
  return v;
}
int move_const(const std::string s) {
  const auto t = std::move(s);
  return static_cast<int>(t.size());
}
class MoveInit {
 public:
  MoveInit(MoveInit&& other) noexcept : name_(other.name_) {}

 private:
  std::string name_;
};
struct Wrapped {
  Wrapped(const Holder& h);
  Wrapped(Holder&& h);
};
Wrapped no_automatic_move() {
  const Holder h("a");
  return h;
}
int* int_to_pointer(std::intptr_t i) { return reinterpret_cast<int*>(i); }
constexpr bool never_throws = false;
struct ThrowingDestructor {
  ~ThrowingDestructor() noexcept(never_throws) {}
};
struct ThrowingMove {
  ThrowingMove(ThrowingMove&&) {}
  void swap(ThrowingMove&) {}
};
struct TriviallyDestroyed {
  ~TriviallyDestroyed();
  int i;
};
TriviallyDestroyed::~TriviallyDestroyed() = default;
float promotion(float f) { return ::sin(f); }
const std::string& a_name();
std::size_t copy_initialization() {
  const std::string copy = a_name();
  return copy.size();
}

void delete_null(int* p) {
  if (p) delete p;
}
int smartptr_get(const std::unique_ptr<int>& p) { return *p.get(); }
void wants_text(const std::string& s);
void redundant_cstr(const std::string& s) { wants_text(s.c_str()); }

namespace {
static int static_in_anonymous() { return 1; }
}  // namespace
int uses_static() { return static_in_anonymous(); }

}  // namespace planted
