# SPDX-License-Identifier: Apache-2.0
"""What schemathesis checks besides its own: a failure has a sentence and an exit code that goes with its status, and
of the 5xx only "not reached" is an answer, for that is one about the peer."""
import schemathesis

STATUS_OF_EXIT = {2: (400, 405), 65: (422,), 66: (404,), 69: (502,), 73: (409,), 75: (409,), 77: (401, 403)}


@schemathesis.check
def failures_say_why(ctx, response, case):
    if response.status_code < 400:
        return
    if response.headers.get('content-type', [''])[0] != 'application/json':
        # libmicrohttpd itself: not a request at all, or too large to be looked at
        assert response.status_code in (400, 413, 414, 431), response.status_code
        return
    why = response.json()
    assert sorted(why) == ['error', 'exit'] and why['error'], why
    assert response.status_code in STATUS_OF_EXIT.get(why['exit'], ()), (response.status_code, why)
