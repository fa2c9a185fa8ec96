package web

import (
	"container/list"
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// pictures keeps what was drawn, up to so many bytes, the least used going
// first; the same picture asked for twice at once is drawn once.
type pictures struct {
	flight singleflight.Group
	most   int

	mu    sync.Mutex
	size  int
	byKey map[string]*list.Element
	used  *list.List // newest first, of *cachedPicture
}

type cachedPicture struct {
	key, tag string
	body     []byte
	until    time.Time // not shown after it
}

const pictureOverhead = 400 // octets an entry costs beside its body

func newPictures(most int) *pictures {
	return &pictures{most: most, byKey: map[string]*list.Element{}, used: list.New()}
}

// get is the kept picture, or a new one that is kept for keep. draw runs without
// the first caller's cancellation: others may be waiting for the same picture.
func (p *pictures) get(ctx context.Context, key string, keep time.Duration, draw func(context.Context) ([]byte, error)) (*cachedPicture, error) {
	if pic := p.find(key, time.Now()); pic != nil {
		return pic, nil
	}
	got := p.flight.DoChan(key, func() (any, error) {
		body, err := careful(context.WithoutCancel(ctx), draw)
		if err != nil {
			return nil, err
		}
		pic := &cachedPicture{key: key, tag: tagOf(body), body: body, until: time.Now().Add(keep)}
		p.keep(pic)
		return pic, nil
	})
	select {
	case r := <-got:
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.(*cachedPicture), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// careful turns a panic of the painter into an error: it runs in a goroutine of
// its own, where a panic would end the process.
func careful(ctx context.Context, draw func(context.Context) ([]byte, error)) (body []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("draw picture: panic: %v", r)
		}
	}()
	return draw(ctx)
}

func (p *pictures) find(key string, now time.Time) *cachedPicture {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.byKey[key]
	if e == nil {
		return nil
	}
	if now.After(e.Value.(*cachedPicture).until) {
		p.drop(e)
		return nil
	}
	p.used.MoveToFront(e)
	return e.Value.(*cachedPicture)
}

func (p *pictures) keep(pic *cachedPicture) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := p.byKey[pic.key]; e != nil {
		p.drop(e)
	}
	if p.cost(pic) > p.most {
		return
	}
	p.byKey[pic.key] = p.used.PushFront(pic)
	p.size += p.cost(pic)
	for p.size > p.most {
		p.drop(p.used.Back())
	}
}

func (p *pictures) drop(e *list.Element) {
	pic := p.used.Remove(e).(*cachedPicture)
	delete(p.byKey, pic.key)
	p.size -= p.cost(pic)
}

func (p *pictures) cost(pic *cachedPicture) int {
	return len(pic.body) + len(pic.key) + pictureOverhead
}
