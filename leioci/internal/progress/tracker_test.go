package progress_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/progress"
	"github.com/lowendinsight/lei-go/leioci/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

func TestAListenerIsToldTheLatestStateOfEachBlob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []progress.State
		tracker := progress.NewListener(func(s progress.State) { told = append(told, s) }).Begin()
		a, b := tracker.Blob("a", v1.Hash{}, 1000), tracker.Blob("b", v1.Hash{}, 10)
		b.Set(5, 5) // without a phase
		for n := range int64(1001) {
			a.Enter(progress.Fetching)
			a.Set(n, 0)
			time.Sleep(time.Millisecond)
		}
		a.Finish(progress.Done, v1.Hash{Hex: "a"})
		tracker.End()
		last := told[len(told)-1]
		if want := (progress.State{Blob: 1, Name: "a", Digest: v1.Hash{Hex: "a"}, Phase: progress.Done, Done: 1000, Total: 1000}); last != want {
			t.Errorf("the last is %+v, want %+v", last, want)
		}
		if len(told) < 18 || len(told) > 23 {
			t.Errorf("told %d states in a second", len(told))
		}
		if !slices.IsSortedFunc(told, func(a, b progress.State) int { return int(a.Done - b.Done) }) {
			t.Error("they are not in order")
		}
	})
}

func TestAListenerThatDoesNotReturnIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls, release := 0, make(chan struct{})
		listener := progress.NewListener(func(progress.State) {
			calls++
			<-release
		})
		one, two := listener.Begin(), listener.Begin()
		for _, tracker := range []*progress.Tracker{one, two} {
			blob := tracker.Blob("a", v1.Hash{}, 1)
			blob.Enter(progress.Fetching)
			synctest.Wait()
			blob.Finish(progress.Done, v1.Hash{})
		}
		begun := time.Now()
		one.End()
		two.End()
		if took := time.Since(begun); took != 2*progress.Patience {
			t.Errorf("it was waited for %v", took)
		}
		close(release)
		synctest.Wait()
		if calls != 1 {
			t.Errorf("it was called %d times", calls)
		}
	})
}

func TestAListenerIsNotCalledByTwoTransfersAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		running, calls := 0, 0 // the race detector looks, too
		listener := progress.NewListener(func(progress.State) {
			running++
			if running != 1 {
				t.Error("it is running already")
			}
			time.Sleep(time.Millisecond)
			running--
			calls++
		})
		var trackers []*progress.Tracker
		for range 8 {
			tracker := listener.Begin()
			tracker.Blob("a", v1.Hash{}, 1).Finish(progress.Done, v1.Hash{})
			trackers = append(trackers, tracker)
		}
		for _, tracker := range trackers {
			tracker.End()
		}
		if calls != len(trackers) {
			t.Errorf("%d calls", calls)
		}
	})
}

func TestAPanicIsThatOfTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // where patience does not run out on a busy machine
		reason := errors.New("broken")
		tracker := progress.NewListener(func(progress.State) { panic(reason) }).Begin()
		tracker.Blob("a", v1.Hash{}, 1).Finish(progress.Done, v1.Hash{})
		defer func() {
			if got := recover(); got != reason { //nolint:errorlint // the very same
				t.Errorf("got %v", got)
			}
		}()
		tracker.End()
	})
}

func TestWhatIsSentUnseenIsAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []int64
		tracker := progress.NewListener(func(s progress.State) { told = append(told, s.Done) }).Begin()
		blob := tracker.Blob("a", v1.Hash{}, 100)
		begun := time.Now()
		blob.SendFrom(func() (int64, error) {
			n := int64(time.Since(begun) / (10 * time.Millisecond))
			if n > 50 {
				return 0, errors.New("closed")
			}
			return n, nil
		})
		time.Sleep(time.Second)
		tracker.End()
		if len(told) < 5 || told[len(told)-1] != 50 || !slices.IsSorted(told) {
			t.Errorf("told %v", told)
		}
	})
}

func TestNothingCostsNothing(t *testing.T) {
	var tracker *progress.Tracker
	if n := testing.AllocsPerRun(10, func() {
		blob := tracker.Blob("a", v1.Hash{}, 1)
		blob.Enter(progress.Fetching)
		blob.Set(1, 0)
		blob.Finish(progress.Done, v1.Hash{})
		tracker.End()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
