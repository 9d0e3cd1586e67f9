package leioci

import (
	"fmt"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/target"
)

// A PullOption changes what [Client.PullSnapshot], [Client.Watch] and [Unpack] do. A call returns an
// error for an option that is nil, invalid, or has no meaning for that call.
type PullOption interface{ pull(*pullOptions) error }

// pullOption is a [PullOption] that serves nothing but pulls.
type pullOption func(*pullOptions) error

func (f pullOption) pull(o *pullOptions) error { return f(o) }

type pullOptions struct {
	target.Policy
	demands demands // WithVerifier, WithPolicy
	// call is the function that the options were given to, if some do not apply to it.
	call string
}

func (o *pullOptions) apply(opts []PullOption) error {
	for i, opt := range opts {
		if opt == nil {
			return fmt.Errorf("pull option %d of %d is nil", i+1, len(opts))
		}
		if err := opt.pull(o); err != nil {
			return err
		}
	}
	return nil
}

// VerifyReports checks the reports of a new snapshot before it replaces anything: they must be
// well-formed, and match manifest.json in number and content. The check and its errors are those of
// [snapshot.Snapshot.Verify]. A snapshot that the directory already has is checked, too; a
// [Client.Watch] checks it once.
//
// Without this option, a pull verifies only digests and sizes. They prove that the snapshot is what
// the publisher pushed, but not that it is correct.
func VerifyReports() PullOption {
	return pullOption(func(o *pullOptions) error {
		o.VerifyReports = true
		return nil
	})
}

// IndexReports makes the index of a new snapshot before it replaces anything, in the same pass as
// [VerifyReports], which it implies. The directory then has the index from the moment it has the
// snapshot, and [snapshot.Open] answers from it at once. A snapshot that the directory already has
// gets an index, too, if it has none that fits; one that fits was made by verifying these files,
// which are not read for that again. A [Client.Watch] sees to it at each check.
//
// That no index can be made ([snapshot.ErrNotIndexed]: there are too many reports, or no room) is
// logged as a warning and is not an error. Questions are answered without one, but slowly. Unless
// there are too many, a Watch tries again at each check, and reads the reports for it.
//
// A pull without this option makes no index. It leaves that of a snapshot that is up to date, and a
// new snapshot has none until [snapshot.Index] is called.
func IndexReports() PullOption {
	return pullOption(func(o *pullOptions) error {
		o.VerifyReports, o.IndexReports = true, true
		return nil
	})
}

// AllowOlder lets a pull of a moving tag replace a snapshot with an older one. [Unpack] has no tag
// and replaces any snapshot, so it does not accept this option.
func AllowOlder() PullOption {
	return pullOption(func(o *pullOptions) error {
		if o.call != "" {
			return fmt.Errorf("option AllowOlder does not apply to %s, which knows no tag", o.call)
		}
		o.AllowOlder = true
		return nil
	})
}

// MaxAge refuses a snapshot with [ErrStale] if its date, taken as midnight UTC, is more than d ago,
// or if it has no date. Nothing is replaced then. The limit also applies to a snapshot that the
// directory already has. The default is no limit.
//
// It goes by this machine's clock. While that is behind, as on a machine without a battery after it
// starts, older snapshots pass.
func MaxAge(d time.Duration) PullOption {
	return pullOption(func(o *pullOptions) error {
		if d <= 0 {
			return fmt.Errorf("option MaxAge of %v: must be positive", d)
		}
		o.MaxAge = d
		return nil
	})
}

// ClockAllowance accepts a snapshot for d longer than its publisher says it is good
// ([ValidUntil]), for machines whose clocks may be ahead. The default is 0.
func ClockAllowance(d time.Duration) PullOption {
	return pullOption(func(o *pullOptions) error {
		if d < 0 {
			return fmt.Errorf("option ClockAllowance of %v: must not be negative", d)
		}
		o.ClockAllowance = d
		return nil
	})
}

// AllowFuture allows a pull to take a snapshot that is dated later than tomorrow (UTC). Otherwise
// it is refused with [ErrFuture] before anything is replaced, because it would pass every [MaxAge],
// and every later snapshot would be older. A directory that already holds one accepts any other.
func AllowFuture() PullOption {
	return pullOption(func(o *pullOptions) error {
		o.AllowFuture = true
		return nil
	})
}
