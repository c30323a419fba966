<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <title>Shopping</title>
  <link rel="stylesheet" href="/static/list.css">
</head>
<body>
  <h1>Shopping, first edition</h1>
  <ul>
% for thing in things:
    <li>{{thing}}</li>
% end
  </ul>
  <form method="post"><input name="thing"> <button>Add</button></form>
</body>
</html>
