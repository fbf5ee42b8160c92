/*
 * Attempt, fence, take-up and cancel: one process task and everything that may happen to its attempts while servers and
 * supervisors die and come back. tests/system/test_attempt_model.py lets spin look at every order of events.
 *
 * The names are the code's, each list below says whose:
 *   the journal      phase, number, stopping           engine/apply.cpp folds it, engine/attempts.cpp decides
 *   the server       stage, cancelled, ends, …         executors/process/process_executor.cpp (Live) and supervisor_link.cpp
 *   the supervisor   book, living, asked               supervisor/book.hpp and attempts.cpp
 * A fence is the number of its attempt here: the code makes one from run, path and number, and never the same for two.
 *
 * What must hold
 *   - a fence is started at most once;
 *   - no two attempts of the task live at once;
 *   - no attempt lives in a world that is being laid out;
 *   - an outcome is recorded once;
 *   - a task whose success was written down is not started again;
 *   - what ran under a supervisor that died is retried only when nothing of it lives, and under a new fence;
 *   - once the crashes stop, the task ends; one that was cancelled in the journal ends also if its program never would.
 *
 * What may happen, at any point between two steps
 *   - the server is killed and comes back (SERVER_DEATHS times); what it had sent is still on its way (`to_supervisor` of the
 *     connection before), and is heard before or after what the next server says;
 *   - the supervisor is killed (SUPERVISOR_DEATHS times), also between its note of a fence and the fork; trees live on until the
 *     next supervisor's recovery; that one is started by a server that needs it;
 *   - the connection breaks (DROPS times) and takes with it what was under way in both directions;
 *   - a person cancels the run; the program ends by itself, well or badly, or never does.
 *
 * What is left out
 *   - other tasks and runs, regions, the cache, time: a time-out is a cancel that the clock asks for, and a retry comes at once
 *     (policies and backoff are the engine's alone: tests/golden/engine);
 *   - TERM, grace and KILL: a cancel that is heard ends the tree in the end (tests/unit/supervisor/ending_test.cpp);
 *   - attempts that cannot be started, refused mounts, a supervisor that cannot be had at all, full disks and damaged books;
 *   - the power cut: journal and book are taken to survive whatever dies;
 *   - the folder of an attempt that is settled: nobody asks for it again;
 *   - `Executor::start` twice in one server.
 *
 * Each fault that the test can plant, by -D…, is one that a person could make in the code; spin must find every one of them.
 */
#ifndef FENCES
#define FENCES 2 /* attempts of the task at most */
#endif
#ifndef SERVER_DEATHS
#define SERVER_DEATHS 1
#endif
#ifndef SUPERVISOR_DEATHS
#define SUPERVISOR_DEATHS 1
#endif
#ifndef DROPS
#define DROPS 1
#endif
#define SLOTS (FENCES + 1) /* arrays are indexed by fence, 1 and up */

mtype = { attempt, ended };                        /* engine/state.hpp: OperationState::Phase */
mtype = { beginning, running, collecting, gone };  /* executors/process/process_executor.cpp: Live::Stage */
mtype = { begun, forgotten };                      /* supervisor/book.hpp: Book; and `ended` */
mtype = { succeeded, failed, cancelled, lost };    /* engine/work.hpp: Outcome::Status */
mtype = { Start, Cancel, List, Acknowledge, Started, Ended, Holding }; /* ipc/supervisor/messages.hpp: requests, answers */
mtype = { nothing, unknown };                      /* the model's own */

/* The journal. */
mtype phase = attempt;
byte number = 1;
bool stopping;
byte recorded[SLOTS]; /* AttemptEnded, how often */

/* The server: all of it is gone when it dies. Of the attempt `number`; those before it are settled. */
bool server;
mtype stage = gone;
bool cancel_asked;
bool laying_out;        /* between the look at what there is and the Start */
mtype ends = nothing;   /* how it ended, as the supervisor told */
mtype outcome = nothing; /* on its way to the driver */
/* … its link */
bool connected, ready;
bool unanswered;        /* a Start that was not answered */
bool runs;              /* as the supervisor told last */
bool cancels;           /* a Cancel that did not come to its end */

/* What is under way. Two connections: the present one, and the one before it, which nobody listens to any more. */
byte now;
chan to_supervisor[2] = [4] of { mtype, byte };
chan to_server = [8] of { mtype, byte, mtype };

/* The supervisor: the book survives it. */
bool supervisor;
bool follows;           /* the present connection has been told what is held */
mtype book[SLOTS] = unknown;
mtype how[SLOTS] = nothing; /* it ended */
bool asked[SLOTS];      /* Attempt::cancelled: TERM has been sent, KILL will be */
/* … and the tree of processes. */
bool living[SLOTS];
bool endless = true;    /* the program never ends by itself */

/* Only watched and counted. */
bool started[SLOTS];
byte server_deaths, supervisor_deaths, drops;
hidden byte i;

#define EACH(do_it) i = 1; do :: i <= FENCES -> do_it; i++ :: else -> break od; i = 0

inline send(what, fence) {
  if
  :: connected -> assert(nfull(to_supervisor[now])); to_supervisor[now]!what, fence
  :: else
  fi
}

inline answer(what, fence, which) {
  assert(nfull(to_server));
  to_server!what, fence, which
}

inline disconnect() {
  connected = false;
  ready = false;
  follows = false;
  do
  :: len(to_server) > 0 -> to_server?_, _, _
  :: len(to_server) == 0 -> break
  od
}

inline hang_up(connection) {
  do
  :: len(to_supervisor[connection]) > 0 -> to_supervisor[connection]?_, _
  :: len(to_supervisor[connection]) == 0 -> break
  od
}

inline supervisor_dies() {
  supervisor_deaths++;
  supervisor = false;
  disconnect();
  hang_up(0);
  hang_up(1);
  EACH(asked[i] = false)
}

/* recovery.cpp: before a supervisor listens, it kills what the one before it left, and writes that it was lost. */
inline recover() {
  EACH(
    if
    :: book[i] == begun ->
#ifndef FAULT_LOST_BEFORE_IT_IS_DEAD
       living[i] = false;
#endif
       book[i] = ended;
       how[i] = lost
    :: else
    fi);
  supervisor = true
}

/* The server's steps. Each is one turn under the lock of its room, or one append to the journal. */
proctype Server() {
  mtype what, which;
  byte fence;
end:
  do
  /* Driver::resume: open commands are a function of the state. */
  :: atomic { !server ->
       server = true;
       if
       :: phase == attempt -> stage = beginning; cancel_asked = stopping
       :: else
       fi }

  /* SupervisorLink::connect, by who needs a supervisor, and again when the connection was lost while something is under way. */
  :: atomic { server && !connected && (stage == beginning || unanswered || runs) ->
       if
       :: !supervisor -> recover()
       :: else
       fi;
       now = 1 - now;
       hang_up(now);
       connected = true;
       send(List, 0);
#ifdef FAULT_FORGETS_WHAT_RAN
       runs = false;
#endif
       if
       :: unanswered -> send(Start, number)
       :: else
       fi;
       if
       :: cancels -> send(Cancel, number)
       :: else
       fi }

  /* ProcessExecutor::Impl::begin: what is known of the fence? */
#ifdef FAULT_TAKES_UP_WITHOUT_ASKING
  :: atomic { server && stage == beginning && connected && !laying_out ->
#else
  :: atomic { server && stage == beginning && ready && !laying_out ->
#endif
       if
       :: ends != nothing -> stage = collecting
       :: ends == nothing && runs ->
          stage = running;
          if
          :: cancel_asked -> cancels = true; send(Cancel, number)
          :: else
          fi
       :: else ->
          assert(!living[number]);
          laying_out = true
       fi }
  :: atomic { server && laying_out ->
       laying_out = false;
       if
       :: cancel_asked -> outcome = cancelled; stage = gone
       :: else ->
          stage = running;
          unanswered = true;
          send(Start, number)
       fi }

  /* SupervisorLink::on, ProcessExecutor::Impl::on_ended */
  :: atomic { server && connected && nempty(to_server) ->
       to_server?what, fence, which;
       if
       :: what == Holding -> ready = true; runs = (fence >> number) & 1
       :: what == Started && fence == number -> unanswered = false; runs = true
       :: what == Ended && fence == number ->
          unanswered = false;
          runs = false;
          cancels = false;
          ends = which;
          if
          :: stage == running -> stage = collecting
          :: else
          fi
       :: else /* of an attempt that is settled */
       fi }

  /* ProcessExecutor::Impl::collect and finish */
  :: atomic { server && stage == collecting ->
       stage = gone;
       outcome = ends;
#ifdef FAULT_ACKNOWLEDGES_BEFORE_THE_JOURNAL
       send(Acknowledge, number)
#endif
     }

  /* Driver: the decision (engine/attempts.cpp, settle) is stored, then told to the executor (settled), then carried out. */
  :: atomic { server && outcome != nothing ->
       fence = number;
       recorded[number]++;
       assert(recorded[number] == 1);
       if
       :: outcome == succeeded || stopping -> phase = ended
       :: outcome != succeeded && !stopping && number < FENCES -> number++
       :: outcome == failed && !stopping -> phase = ended /* its policies give up */
       :: outcome == lost && !stopping && number == FENCES -> phase = ended /* lost_in_a_row_max */
       fi;
       outcome = nothing;
       ends = nothing;
       unanswered = false;
       runs = false;
       cancels = false;
#ifndef FAULT_ACKNOWLEDGES_BEFORE_THE_JOURNAL
       send(Acknowledge, fence);
#endif
       if
       :: phase == attempt -> stage = beginning; cancel_asked = false
       :: else
       fi }
  od
}

/* A person. The Stopping event is in the journal before CancelAttempt is carried out. */
proctype Person() {
  if
  :: atomic { server && phase == attempt ->
       stopping = true;
       cancel_asked = true;
       if
       :: stage == running ->
#ifndef FAULT_CANCELS_ONCE
          cancels = true;
#endif
          send(Cancel, number)
       :: else
       fi }
  :: true
  fi
}

/* Attempts::start. */
inline start(fence) {
  if
#ifndef FAULT_STARTS_WITHOUT_THE_BOOK
  :: book[fence] == begun -> if :: heard -> answer(Started, fence, nothing) :: else fi
  :: book[fence] == ended -> if :: heard -> answer(Ended, fence, how[fence]) :: else fi
  :: book[fence] == forgotten -> if :: heard -> answer(Ended, fence, lost) :: else fi
  :: book[fence] == unknown ->
#else
  :: true ->
#endif
     book[fence] = begun;
     if
     :: assert(!started[fence]);
        started[fence] = true;
        assert(!(server && laying_out && fence == number));
        EACH(assert(!living[i]); assert(how[i] != succeeded));
        living[fence] = true;
        asked[fence] = false;
        if :: heard -> answer(Started, fence, nothing) :: else fi
     :: supervisor_deaths < SUPERVISOR_DEATHS -> supervisor_dies() /* between the note and the fork */
     fi
  fi
}

inline hear(what, fence) {
  if
  :: what == Start -> start(fence)
  :: what == Cancel ->
     if
     :: living[fence] -> asked[fence] = true
     :: else
     fi
  :: what == Acknowledge ->
     if
     :: book[fence] == ended -> book[fence] = forgotten
     :: else
     fi
  :: what == List && heard ->
#ifndef FAULT_HEARS_A_DEAD_SERVER
     hang_up(1 - now);
#endif
     EACH(
       if
       :: book[i] == ended -> answer(Ended, i, how[i])
       :: book[i] == begun -> held = held | (1 << i)
       :: else
       fi);
     follows = true;
     answer(Holding, held, nothing)
  :: what == List && !heard
  fi
}

proctype Supervisor() {
  mtype what;
  byte fence, held, from;
  bool heard; /* somebody is there to be answered */
end:
  do
  :: atomic { supervisor && len(to_supervisor[0]) + len(to_supervisor[1]) > 0 ->
       if
       :: nempty(to_supervisor[0]) -> from = 0
       :: nempty(to_supervisor[1]) -> from = 1
       fi;
       to_supervisor[from]?what, fence;
       heard = connected && from == now;
       hear(what, fence);
       held = 0 }
  od
}

/* The tree of the attempt `fence`. Its end is written into the book, then told (Attempts::finish). */
proctype Tree(byte fence) {
end:
  do
  :: atomic { supervisor && living[fence] && (asked[fence] || !endless) ->
       living[fence] = false;
       book[fence] = ended;
       if
       :: asked[fence] -> how[fence] = cancelled
       :: !asked[fence] -> how[fence] = succeeded
       :: !asked[fence] -> how[fence] = failed
       fi;
       if
       :: follows -> answer(Ended, fence, how[fence])
       :: else
       fi }
  od
}

/* Crashes, as many as are given, or fewer. */
proctype Fate() {
  do
  :: atomic { server && server_deaths < SERVER_DEATHS ->
       server_deaths++;
       server = false;
       stage = gone;
       cancel_asked = false;
       laying_out = false;
       ends = nothing;
       outcome = nothing;
       unanswered = false;
       runs = false;
       cancels = false;
       disconnect() }
  :: atomic { supervisor && supervisor_deaths < SUPERVISOR_DEATHS -> supervisor_dies() }
  :: atomic { connected && drops < DROPS ->
       drops++;
       disconnect();
       hang_up(now) }
  :: break
  od
}

init {
  atomic {
    if
    :: endless = false
    :: true
    fi;
    run Server();
    run Person();
    run Supervisor();
    EACH(run Tree(i));
    run Fate()
  }
}

ltl it_ends { [] ((stopping || !endless) -> <> (phase == ended)) }
