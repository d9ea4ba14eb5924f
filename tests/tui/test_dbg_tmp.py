from front_door import ENDLESS_RUN, opened
from tui.panes.monitor import MonitorPane
async def test_x(tmp_path, monkeypatch):
    calls=[]
    old=MonitorPane.action_continue
    monkeypatch.setattr(MonitorPane,'action_continue',lambda self:(calls.append((self._run_id,self._status)),old(self))[1])
    async with opened(tmp_path, *ENDLESS_RUN, size=(120,40)) as door:
        await door.train()
        await door.press("R")
        m=door.app._monitor
        print(calls, door.app.focused, m._status, m._run_id, str(m.query_one('#ask-text').content), m.check_action('continue',()))
        print([k for k in door.app.screen.active_bindings])
